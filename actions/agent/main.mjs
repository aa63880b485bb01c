// The job works as a pull agent: the same adapters as everywhere, from the Python package in this repository.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { hide, input, main, number, say, stop, Stop } from "../lib/job.mjs";

const HERE = resolve(dirname(fileURLToPath(import.meta.url)), "..", "..");

await main(async () => {
  const server = input("server", { needed: true, pattern: /^https?:\/\/[^\s@?#]+$/ });
  const type = input("type", { needed: true, pattern: /^[A-Za-z0-9][A-Za-z0-9._:+-]{0,63}$/ });
  const run = input("run", { pattern: /^[A-Za-z0-9-]{1,64}$/ });
  const folder = mkdtempSync(join(process.env.RUNNER_TEMP || tmpdir(), "fleet-agent-"));
  const argv = ["agent", "--server", server, "--type", type, "--work-dir", join(folder, "agent"), "--tasks", String(number("tasks", 1)), "--idle-secs", String(number("idle-secs", 60)), "--drain-secs", String(number("drain-secs", 0))];
  const token = input("token");
  if (token) {
    hide(token);
    writeFileSync(join(folder, "token"), `${token}\n`, { mode: 0o600 });
    argv.push("--token-file", join(folder, "token"));
  } else if (process.env.ACTIONS_ID_TOKEN_REQUEST_URL) {
    argv.push("--actions-token", "--audience", input("audience", { otherwise: "agent-fleet" }));
  } else {
    stop("This job has neither an id token nor a token.", "Put `enable-openid-connect: true` into the workflow (Forgejo 15 and Forgejo runner 12.5 or newer), or set the input token from a secret.");
  }
  if (run) argv.push("--claim", run);
  const id = input("agent-id", { pattern: /^[A-Za-z0-9._-]{1,64}$/ });
  if (id) argv.push("--id", id);
  const model = input("model");
  if (model) argv.push("--model", model);
  const command = input("command");
  if (command) argv.push("--command", command);
  for (const one of input("capabilities").split(/[,\s]+/).filter(Boolean)) argv.push("--capability", one);
  try {
    await start(program(folder), argv);
  } finally {
    rmSync(folder, { recursive: true, force: true }); // a runner without containers keeps its folders, and the token in it
  }
});

/** The command that is there, else the package installed beside it, which needs Python. */
function program(folder) {
  const given = input("program");
  if (given) return given;
  const uv = spawnSync("uv", ["--version"]).status === 0;
  const needs = uv ? "sys" : "sys, ensurepip, venv"; // Debian has Python without what makes a place for packages
  const names = ["python3.14", "python3.13", "python3.12", "python3.11", "python3"];
  const new_enough = (name) => spawnSync(name, ["-c", `import ${needs}; sys.exit(sys.version_info < (3, 11))`]).status === 0;
  const python = names.find(new_enough);
  if (!python) stop("Python 3.11 or newer, with venv (Debian: python3-venv) or uv, is missing in this image: the agent needs it.", "Use an image with it, or install agent-fleet there and set the input program.");
  const place = join(folder, "venv");
  say(`Installing Agent Fleet from ${HERE} …`);
  const steps = uv
    ? [["uv", "venv", "--quiet", "--python", python, place], ["uv", "pip", "install", "--quiet", "--python", join(place, "bin", "python"), HERE]]
    : [[python, "-m", "venv", place], [join(place, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check", HERE]];
  for (const [name, ...args] of steps) {
    const done = spawnSync(name, args, { stdio: ["ignore", "inherit", "inherit"] });
    if (done.status !== 0) stop(`Agent Fleet could not be installed (${name} ended with ${done.status}).`, "Look at what it says above; the job needs a package index.");
  }
  return join(place, "bin", "agent-fleet");
}

/**
 * Runs it on a leash: when its input ends, it finishes or hands back what it has, and goes. So it does however the
 * runner stops: by a signal to us, to all processes (each would count as its own), or by killing us with our group.
 */
function start(name, argv) {
  return new Promise((done, failed) => {
    const { FLEET_TOKEN, ...env } = process.env; // it reads the file
    const child = spawn(name, [...argv, "--leash"], { env, detached: true, stdio: ["pipe", "inherit", "inherit"] });
    child.stdin.on("error", () => {}); // it went first
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => child.stdin.end());
    child.on("error", (problem) => failed(new Stop(`${name} cannot be started: ${problem.code}. Check the input program.`)));
    child.on("exit", (code, signal) => {
      if (code !== 0) process.exitCode = 1;
      if (code !== 0) console.log(`::error title=Agent Fleet::The agent ended with ${code ?? signal}; its last lines say why.`);
      done();
    });
  });
}
