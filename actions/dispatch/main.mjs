// Starts a task from a workflow; run again within the same run and attempt, it is the same task.
import { createHash } from "node:crypto";
import { Fleet, REPOSITORY, taskPath } from "../lib/fleet.mjs";
import { input, main, note, number, output, stop, variable, yes } from "../lib/job.mjs";

await main(async () => {
  const repo = input("repository", { pattern: REPOSITORY, otherwise: variable("REPOSITORY") });
  const issue = number("issue", 0);
  const [title, prompt] = [input("title"), input("prompt")];
  if (issue ? title || prompt : !(title && prompt)) stop("Either issue, or title and prompt are needed.", "Set one of the two under with:.");
  const together = yes("cancel-with-run");
  const fleet = new Fleet();
  const body = { repo, priority: input("priority", { pattern: /^(high|normal|low)$/, otherwise: "normal" }) };
  Object.assign(body, issue ? { issue } : { title, prompt });
  const base = input("base");
  if (base) body.base = base;
  const capabilities = input("capabilities").split(/[,\s]+/).filter(Boolean);
  if (capabilities.length) body.capabilities = capabilities;
  const run = [variable("REPOSITORY"), variable("RUN_ID"), variable("RUN_ATTEMPT") || "1", variable("JOB"), input("key", { otherwise: "1" })];
  const key = `actions:${createHash("sha256").update(JSON.stringify(run)).digest("hex")}`;
  const task = await fleet.call("POST", "/api/v1/tasks", { body, headers: { "idempotency-key": key } });
  if (together) {
    const mine = { run_id: Number(variable("RUN_ID")), run_repo: variable("REPOSITORY") };
    await fleet.call("POST", `${taskPath(task.task_id)}/follow`, { body: mine });
  }
  output("task-id", task.task_id);
  output("url", task.links?.issue ?? "");
  output("state", task.state);
  note(`Task ${task.task_id} ${task.http === 200 ? "was started before" : "started"}: ${task.links?.issue ?? ""}`);
});
