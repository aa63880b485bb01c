// The log of a task's page: grows at its end, keeps a bounded number of lines, holds no piece twice.
"use strict";
(() => {
  const MOST_LINES = 5000;
  const LONGEST = 4000;

  function line() {
    const made = document.createElement("span");
    made.dataset.left = LONGEST;
    return made;
  }

  // A piece may begin in the middle of a line, whose beginning is there already.
  function add(box, text) {
    const pieces = text.split("\n");
    pieces.forEach((piece, number) => {
      let last = box.lastElementChild;
      if (!last || last.dataset.done) box.append((last = line()));
      const left = Number(last.dataset.left);
      if (piece.length) {
        last.append(piece.slice(0, left));
        last.dataset.left = Math.max(0, left - piece.length);
        if (piece.length > left && !last.dataset.cut) {
          last.dataset.cut = "1";
          last.append("⟨…⟩");
        }
      }
      if (number < pieces.length - 1) {
        last.append("\n");
        last.dataset.done = "1";
      }
    });
    while (box.childElementCount > MOST_LINES) box.firstElementChild.remove();
  }

  function prepare(box) {
    if (box.dataset.ready) return;
    box.dataset.ready = "1";
    const text = box.textContent;
    box.replaceChildren();
    if (text) add(box, text);
    box.scrollTop = box.scrollHeight;
  }

  window.fleetLog = (said) => {
    const box = document.getElementById("log");
    if (!box) return;
    prepare(box);
    if (box.dataset.fence !== String(said.fence)) {
      box.replaceChildren();
      box.dataset.fence = said.fence;
      box.dataset.at = -1;
      const shown = document.getElementById("log-fence");
      if (shown) shown.textContent = said.fence;
    }
    if (said.at <= Number(box.dataset.at)) return;
    box.dataset.at = said.at;
    add(box, said.text);
    const follow = document.getElementById("follow");
    if (follow && follow.checked) box.scrollTop = box.scrollHeight;
  };

  const ready = () => document.getElementById("log") && prepare(document.getElementById("log"));
  document.addEventListener("htmx:afterSettle", ready);
  ready();
})();
