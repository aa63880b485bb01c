// A check for pull requests: the fleet's carry a verified receipt for exactly their head; people's pass with a note.
// Runs on pull_request_target: from the base's own workflow, without any code of the pull request.
import { readFileSync } from "node:fs";
import { Fleet, REPOSITORY, taskPath } from "../lib/fleet.mjs";
import { input, main, note, number, output, say, sleep, stop, variable } from "../lib/job.mjs";
import { digest, problemWith, publicKey } from "../lib/receipts.mjs";

await main(async () => {
  const event = variable("EVENT_NAME");
  if (event !== "pull_request_target") stop(`The gate runs on pull_request_target, not on ${event}.`, "On pull_request the checked code could change its own check.");
  const told = JSON.parse(readFileSync(variable("EVENT_PATH"), "utf8"));
  const pull = told.pull_request;
  const repo = told.repository?.full_name ?? "";
  const head = pull?.head?.sha ?? "";
  if (!pull || !REPOSITORY.test(repo) || !/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(head)) stop("The event names no pull request.", "Run the gate on pull_request_target.");
  const accounts = input("fleet-accounts", { needed: true }).toLowerCase().split(/[,\s]+/).filter(Boolean);
  const prefix = input("branch-prefix", { otherwise: "fleet/" });
  const branch = pull.head?.ref ?? "";
  const own = pull.head?.repo?.id !== undefined && pull.head.repo.id === pull.base?.repo?.id;
  const ours = accounts.includes(String(pull.user?.login ?? "").toLowerCase()) || (own && branch.startsWith(prefix));
  output("fleet", String(ours));
  output("receipt", "");
  if (!ours) return note(`#${pull.number} is not a pull request of the fleet: nothing to check.`);
  const issue = branch.startsWith(prefix) ? /^[0-9]+/.exec(branch.slice(prefix.length))?.[0] : "";
  const receipt = await find(new Fleet(), repo, pull, head, issue);
  output("receipt", digest(receipt));
  note(`#${pull.number} carries the verified receipt ${receipt.receipt_id} for ${head.slice(0, 12)}.`);
});

/** The receipt that lets it pass; one that is still to come is waited for. */
async function find(fleet, repo, pull, head, issue) {
  const keys = await trusted();
  const until = Date.now() + number("wait-minutes", 10) * 60_000;
  for (let [told, pause] = ["", 0.5]; ; pause = Math.min(pause * 2, 10)) {
    const { receipt, why } = await newest(fleet, keys, repo, pull, head, issue);
    if (receipt) return receipt;
    if (why.final || Date.now() >= until) {
      stop(`No receipt covers the head ${head.slice(0, 12)} of #${pull.number}: ${why.text}.`, "Run the gate again when there is one, or let people take over.");
    }
    if (told !== why.text) say(`Waiting for a receipt: ${why.text}.`);
    told = why.text;
    await sleep(pause);
  }
}

/** The newest receipt about this very head decides, whatever older ones say; `final`: waiting changes nothing. */
async function newest(fleet, keys, repo, pull, head, issue) {
  const query = `/api/v1/tasks?repo=${encodeURIComponent(repo)}${issue ? `&issue=${issue}` : ""}&limit=200`;
  const { tasks = [] } = await fleet.call("GET", query);
  let why = { text: "the orchestrator knows no task of this pull request", final: false };
  for (const task of tasks.filter((one) => one.pull_request === pull.number)) {
    why = { text: "there is none yet", final: ["done", "failed", "cancelled"].includes(task.state) };
    const { receipts = [] } = await fleet.call("GET", `${taskPath(task.task_id)}/signed-receipts`);
    for (const { receipt, sha256 } of receipts.reverse()) {
      const text = problem(receipt, sha256, keys, repo, pull, head);
      if (!text) return { receipt };
      say(`Not this one: ${text}.`);
      why = { text, final: why.final || receipt?.git?.head_sha === head };
      if (receipt?.git?.head_sha === head) return { why };
    }
  }
  return { why };
}

/** Why this receipt does not let the pull request pass, "" when it does. */
function problem(receipt, sha256, keys, repo, pull, head) {
  let against;
  try {
    against = problemWith(receipt, keys);
    if (!against && digest(receipt) !== sha256) against = "its digest is another one";
  } catch (mistake) {
    against = mistake.message;
  }
  if (against) return `${receipt?.receipt_id}: ${against}`;
  if (receipt.task?.repo?.toLowerCase() !== repo.toLowerCase()) return `${receipt.receipt_id} is about ${receipt.task?.repo}`;
  if (receipt.git?.head_sha !== head) return `${receipt.receipt_id} is about ${String(receipt.git?.head_sha).slice(0, 12)}`;
  if (receipt.pull_request?.number !== pull.number) return `${receipt.receipt_id} is about #${receipt.pull_request?.number}`;
  if (receipt.pull_request?.base !== pull.base?.ref) return `${receipt.receipt_id} is about the base ${receipt.pull_request?.base}`;
  if (receipt.verdict?.result !== "verified") return `${receipt.receipt_id} says ${receipt.verdict?.result}`;
  return "";
}

/** Pinned in the workflow, or as the orchestrator shows them now: then it is trusted, and the way to it. */
async function trusted() {
  const pinned = input("public-keys");
  const found = pinned
    ? pinned.match(/-----BEGIN[^-]*-----[^-]+-----END[^-]*-----|[A-Za-z0-9+/]{43}=/g) ?? []
    : (await new Fleet({ anonymous: true }).call("GET", "/.well-known/agent-fleet-receipt-keys")).keys.map((one) => one.public_key);
  try {
    const keys = found.map(publicKey);
    if (!keys.length) stop("The input public-keys holds no key.", "Print it with `agent-fleet receipts key`.");
    return keys;
  } catch (mistake) {
    stop(`A public key cannot be read: ${mistake.message}.`, "Print it with `agent-fleet receipts key`.");
  }
}
