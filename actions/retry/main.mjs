// Another attempt of a task that is over or in review, such as when a scheduled pipeline has failed.
import { Fleet, ID, REPOSITORY, taskPath } from "../lib/fleet.mjs";
import { input, main, note, number, output, stop, variable, yes } from "../lib/job.mjs";

await main(async () => {
  let id = input("task-id", { pattern: ID });
  const issue = number("issue", 0);
  if (!id === !issue) stop("Either task-id or issue is needed.", "Set one of the two under with:.");
  const repo = input("repository", { pattern: REPOSITORY, otherwise: variable("REPOSITORY") });
  const body = { reason: input("reason"), fresh: yes("fresh") };
  const agent = input("agent");
  if (agent) body.agent = agent;
  const fleet = new Fleet();
  if (!id) {
    const found = await fleet.call("GET", `/api/v1/tasks?repo=${encodeURIComponent(repo)}&issue=${issue}&limit=1`);
    id = found.tasks?.[0]?.task_id;
    if (!id) stop(`Issue ${issue} of ${repo} has no task.`, "Start one with the action dispatch.");
  }
  const task = await fleet.call("POST", `${taskPath(id)}/retry`, { body });
  output("task-id", id);
  output("state", task.state);
  note(`Task ${id} is ${task.state} again.`);
});
