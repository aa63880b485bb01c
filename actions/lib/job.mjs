// What every action needs of its job: inputs, outputs, words for people. Node's own modules only.
import { appendFileSync } from "node:fs";
import { randomUUID } from "node:crypto";

/** An input, from the environment; it is never pasted into a script. */
export function input(name, { needed = false, pattern = null, otherwise = "" } = {}) {
  const value = (process.env[`FLEET_${name.toUpperCase().replaceAll("-", "_")}`] ?? "").trim() || otherwise;
  if (!value && needed) stop(`The input ${name} is missing.`, "Set it under with:.");
  if (value && pattern && !pattern.test(value)) stop(`The input ${name} cannot be ${JSON.stringify(value)}.`, "See docs/reference/actions.md.");
  return value;
}

export const yes = (name) => input(name, { pattern: /^(true|false)$/ }) === "true";

export function number(name, otherwise) {
  const written = input(name, { pattern: /^[0-9]{1,9}$/ });
  return written ? Number(written) : otherwise;
}

/** A variable of the runner: FORGEJO_… where it is new enough, else GITHUB_…. */
export const variable = (name) => process.env[`FORGEJO_${name}`] || process.env[`GITHUB_${name}`] || "";

export function output(name, value) {
  const file = variable("OUTPUT");
  const end = `end-${randomUUID()}`;
  if (file) appendFileSync(file, `${name}<<${end}\n${value ?? ""}\n${end}\n`);
}

/** Others' text as it comes in pieces, printed by whole lines: two halves of a command must not meet on one. */
export class Lines {
  #reader = new TextDecoder();
  #begun = "";

  print(bytes) {
    const lines = (this.#begun + this.#reader.decode(bytes, { stream: true })).split("\n");
    this.#begun = lines.pop();
    if (lines.length) say(lines.join("\n"));
  }

  /** Nothing more comes of it. */
  end() {
    const rest = this.#begun + this.#reader.decode();
    this.#begun = "";
    if (rest) say(rest);
  }
}

/** Text of others never becomes a command of the runner. */
export const inert = (text) => String(text).replace(/^(\s*)(::|##\[)/gm, "$1\u200b$2");

export const say = (text) => console.log(inert(text));
export const open = (title) => console.log(`::group::${oneLine(title)}`);
export const close = () => console.log("::endgroup::");
export const note = (text) => console.log(`::notice title=Agent Fleet::${oneLine(text)}`);
export const warn = (text) => console.log(`::warning title=Agent Fleet::${oneLine(text)}`);
export const hide = (secret) => secret && console.log(`::add-mask::${secret}`);

/** Ends the action: what happened and why, then what to do. */
export class Stop extends Error {}
export function stop(what, fix = "") {
  throw new Stop(`${what} ${fix}`.trim());
}

export async function main(act) {
  try {
    if (Number(process.versions.node.split(".")[0]) < 18) stop(`Node ${process.versions.node} is too old.`, "Use an image with Node 18 or newer.");
    await act();
  } catch (problem) {
    const told = problem instanceof Stop ? problem.message : `A mistake of this action: ${problem.stack}`;
    console.log(`::error title=Agent Fleet::${oneLine(told)}`);
    await sleep(0.2); // a runner may lose the last line of a process that ends at once
    process.exitCode = 1;
  }
}

function oneLine(text) {
  return String(text).replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

export const sleep = (secs) => new Promise((done) => setTimeout(done, secs * 1000));
