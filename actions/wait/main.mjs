// Follows a task until it ends; fails when the task failed.
import { Fleet, ID, taskPath } from "../lib/fleet.mjs";
import { close, input, main, note, number, open, output, say, sleep, stop, variable, yes, Lines } from "../lib/job.mjs";

const ENDS = { review: ["review", "done"], done: ["done"] };

await main(async () => {
  const path = taskPath(input("task-id", { needed: true, pattern: ID }));
  const wanted = ENDS[input("until", { pattern: /^(review|done)$/, otherwise: "review" })];
  const deadline = Date.now() + number("timeout-minutes", 60) * 60_000;
  const every = number("poll-secs", 5);
  const fleet = new Fleet();
  if (yes("cancel-with-run")) {
    await fleet.call("POST", `${path}/follow`, { body: { run_id: Number(variable("RUN_ID")), run_repo: variable("REPOSITORY") } });
  }
  let [attempt, offset, last, task] = [0, 0, "", null];
  const log = new Lines();
  open("What the agent prints");
  try {
    for (;;) {
      task = await fleet.call("GET", path);
      if (task.attempt !== attempt) {
        log.end();
        [attempt, offset] = [task.attempt, 0];
      }
      if (attempt) offset = await print(fleet, path, attempt, offset, log);
      const now = describe(task);
      if (now !== last) say(now);
      last = now;
      const published = task.state !== "review" || task.links?.pull_request;
      if ([...wanted, "failed", "cancelled", "done"].includes(task.state) && published) break;
      if (Date.now() > deadline) break;
      await sleep(Math.max(every, 0.2));
    }
  } finally {
    log.end();
    close();
  }
  output("state", task.state);
  output("pull-request", task.links?.pull_request ?? "");
  output("receipt", await receipt(fleet, path));
  if (task.state === "failed") stop(`The task has failed: ${task.message || task.reason || "no reason given"}.`, task.links?.issue ?? "");
  if (task.state === "cancelled") stop("The task was cancelled.", task.links?.issue ?? "");
  if (!wanted.includes(task.state)) stop(`The time is over; the task is ${task.state} and goes on.`, "Raise timeout-minutes, or wait again.");
  note(`The task is in ${task.state}. ${task.links?.pull_request ?? ""}`);
});

async function print(fleet, path, attempt, offset, log) {
  const answer = await fleet.call("GET", `${path}/log?attempt=${attempt}&offset=${offset}`, { raw: true, ok: [404] });
  if (!answer.ok) return offset;
  log.print(new Uint8Array(await answer.arrayBuffer()));
  return Math.max(offset, Number(answer.headers.get("agent-fleet-log-bytes") ?? 0));
}

/** The digest of the newest signed receipt; of the agent's own where the orchestrator signs none (yet). */
async function receipt(fleet, path) {
  const signed = await fleet.call("GET", `${path}/signed-receipts`, { ok: [404] });
  if (signed.receipts?.length) return signed.receipts.at(-1).sha256;
  const claimed = await fleet.call("GET", `${path}/receipts`, { ok: [404] });
  return claimed.receipts?.[0]?.sha256 ?? "";
}

function describe(task) {
  const doing = task.current_attempt?.active ? task.current_attempt.progress : "";
  const asks = task.question ? ` The agent asks: ${task.question} (answer at ${task.links?.issue})` : "";
  return `[${task.state}]${doing ? ` ${doing}` : ""}${asks}`;
}
