// Keeps an open page up to date: parts of it are replaced as the server says, a log grows at its end.
"use strict";
(() => {
  let source = null;
  let last = "";

  // What somebody is typing, has opened or stands on, stays when the part around it is replaced.
  function put(id, html) {
    const old = document.getElementById(id);
    if (!old) return;
    const focus = old.contains(document.activeElement) ? document.activeElement.id : "";
    const typed = [...old.querySelectorAll("input[id]:not([type=hidden]), textarea[id]")].map((x) => [x.id, x.value]);
    const opened = [...old.querySelectorAll("details[id]")].map((x) => [x.id, x.open]);
    const box = document.createElement("template");
    box.innerHTML = html;
    old.replaceChildren(box.content);
    const now = (name) => old.querySelector("#" + CSS.escape(name));
    for (const [name, value] of typed) if (now(name)) now(name).value = value;
    for (const [name, value] of opened) if (now(name)) now(name).open = value;
    if (focus && now(focus)) now(focus).focus({ preventScroll: true });
    window.htmx.process(old);
  }

  function close() {
    if (source) source.close();
    source = null;
  }

  function open() {
    close();
    const root = document.querySelector("[data-live]");
    if (!root || document.hidden) return;
    const address = new URL(root.dataset.live, location.href);
    address.searchParams.set("last", last || root.dataset.last);
    const mine = (source = new EventSource(address));
    const hear = (kind, act) =>
      mine.addEventListener(kind, (event) => {
        if (mine !== source) return;
        act(JSON.parse(event.data));
        if (event.lastEventId) last = event.lastEventId;
      });
    hear("part", (said) => put(said.id, said.html));
    hear("log", (said) => window.fleetLog && window.fleetLog(said));
    mine.onerror = () => {
      // The browser comes back by itself unless the server refused: then we do, in a while.
      if (mine === source && mine.readyState === EventSource.CLOSED) setTimeout(() => mine === source && open(), 5000);
    };
  }

  // Another page took this one's place, or a form was answered.
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id !== "main") return;
    last = "";
    open();
  });
  document.addEventListener("visibilitychange", open);
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (event) => event.persisted && open());
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", open);
  else open();
})();
