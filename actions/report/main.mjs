// For a workflow that does the work itself: take the task, report, hand in files, complete.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { join, resolve } from "node:path";
import { Fleet, ID, taskPath } from "../lib/fleet.mjs";
import { input, main, note, number, output, stop, variable } from "../lib/job.mjs";

const LONGEST_LOG = 256 * 1024;
const steps = { begin, progress, artifact, complete };

await main(async () => {
  const step = steps[input("step", { needed: true, pattern: /^(begin|progress|artifact|complete)$/ })];
  const run = input("run", { needed: true, pattern: /^[A-Za-z0-9-]{1,64}$/ });
  await step(new Fleet({ claimId: run }), run);
});

/** Claims what the run was started for, and checks its source out. */
async function begin(fleet, run) {
  const got = await fleet.call("POST", "/api/v1/tasks/dequeue", { body: { ...whoever(), claim_id: run, wait_secs: 0 } });
  if (got.http === 204) stop("There is nothing to do: the attempt that this run was started for is over.", "");
  const { task, fence } = got;
  const source = await fleet.call("GET", `${taskPath(task.task_id)}/source?${who(fence)}`, { raw: true });
  const tip = source.headers.get("agent-fleet-source") ?? "";
  if (!/^[0-9a-f]{40,64}$/.test(tip)) stop("The orchestrator names no commit to start from.", "Its version may be older than this action.");
  const folder = resolve(input("path", { otherwise: "work" }));
  if (existsSync(folder)) stop(`${folder} is there already.`, "Choose another path.");
  mkdirSync(folder, { recursive: true });
  const bundle = join(folder, ".source.bundle");
  writeFileSync(bundle, Buffer.from(await source.arrayBuffer()));
  git(folder, "init", "--quiet");
  git(folder, "fetch", "--quiet", bundle, "+refs/*:refs/source/*");
  rmSync(bundle);
  git(folder, "checkout", "--quiet", "-b", "work", tip);
  const prompt = join(variable("WORKSPACE") || ".", `prompt-${task.task_id}.md`);
  writeFileSync(prompt, task.instructions);
  await fleet.call("POST", `${taskPath(task.task_id)}/status`, { body: { ...mine(fence), seq: 1, status: "running", message: "The workflow has begun." } });
  for (const [name, value] of Object.entries({ "task-id": task.task_id, fence, title: task.title, path: folder, start: tip, "prompt-file": prompt })) output(name, String(value));
  note(`Working on ${task.repo}#${task.issue}.`);
}

async function progress(fleet) {
  const { path, fence } = about();
  const body = { ...mine(fence), seq: Date.now(), status: "progress", message: input("message") };
  const file = input("log-file");
  let answer = await fleet.call("POST", `${path}/status`, { body });
  for (;;) {
    const before = answer.log_offset;
    const text = file ? whole(textOf(file).subarray(before)).toString("utf8") : "";
    if (!text) break;
    answer = await fleet.call("POST", `${path}/status`, { body: { ...body, seq: Date.now(), log: { offset: before, text } } });
    if (answer.log_offset <= before) break;
  }
  output("cancelled", String(answer.cancel));
  if (answer.cancel) stop("The task was cancelled.", "");
}

async function artifact(fleet) {
  const { path, fence } = about();
  const name = input("name", { needed: true, pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/ });
  const bytes = bytesOf(input("file", { needed: true }));
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  await fleet.call("PUT", `${path}/artifacts/${name}?${who(fence)}&sha256=${sha256}`, { body: bytes, headers: { "content-type": "application/octet-stream" } });
  output("sha256", sha256);
}

/** Commits from `start` to HEAD are handed in; the orchestrator checks and publishes them. */
async function complete(fleet) {
  const { path, fence } = about();
  const outcome = input("outcome", { needed: true, pattern: /^(done|failed|no_change|question)$/ });
  const message = input("message");
  const receipt = { process: { exit_code: number("exit-code", outcome === "done" ? 0 : 1) }, claims: { summary: message } };
  if (outcome === "done") {
    const folder = input("path", { otherwise: "work" });
    const start = input("start", { needed: true, pattern: /^[0-9a-f]{40,64}$/ });
    const head = git(folder, "rev-parse", "HEAD");
    if (head === start) stop("There is no commit to hand in.", "Commit the work, or complete with outcome no_change and say why.");
    git(folder, "update-ref", "refs/heads/result", head);
    const bundle = resolve(folder, ".git", "result.bundle");
    git(folder, "bundle", "create", "--quiet", bundle, `${start}..refs/heads/result`);
    await fleet.call("POST", `${path}/result?${who(fence)}`, { body: readFileSync(bundle), headers: { "content-type": "application/x-git-bundle" } });
    receipt.git = { base_sha: start, head_sha: head };
  }
  const body = { ...mine(fence), outcome, message, reason: input("reason"), receipt: outcome === "question" ? {} : receipt };
  const answer = await fleet.call("POST", `${path}/complete`, { body });
  output("state", answer.state);
  output("verdict", answer.verdict);
  note(`The task is in ${answer.state}.`);
}

/** The beginning of it, as long as may be sent at once, without half a character at its end. */
function whole(bytes) {
  let end = Math.min(bytes.length, LONGEST_LOG);
  for (let back = 0; end < bytes.length && back < 3 && (bytes[end] & 0xc0) === 0x80; back++) end--;
  return bytes.subarray(0, end);
}

/** A log as text and in bytes again: positions count what is sent, so what is no text is made text before it is cut. */
function textOf(file) {
  const said = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytesOf(file), { stream: true }); // without a begun character
  return Buffer.from(said, "utf8");
}

function about() {
  return { path: taskPath(input("task-id", { needed: true, pattern: ID })), fence: number("fence", 0) || stop("The input fence is missing.", "It is an output of the step begin.") };
}

function whoever() {
  return input("agent-id") ? { agent_id: input("agent-id") } : {};
}

function mine(fence) {
  return { ...whoever(), fence };
}

function who(fence) {
  return new URLSearchParams({ ...whoever(), fence: String(fence) });
}

function bytesOf(file) {
  if (!existsSync(file) || !statSync(file).isFile()) stop(`There is no file ${file}.`, "Check the path.");
  return readFileSync(file);
}

/** Whatever worked in the folder may have left hooks there: they are not run, and our secrets are not in reach. */
function git(folder, ...args) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(FLEET_|ACTIONS_)|TOKEN/.test(name)));
  const safe = ["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"];
  try {
    return execFileSync("git", [...safe, ...args], { cwd: folder, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
  } catch (problem) {
    if (problem.code === "ENOENT") stop("git is missing in this image.", "Use an image with git.");
    stop(`git ${args[0]} failed: ${String(problem.stderr).trim()}`, "");
  }
}
