// Calls to the orchestrator: as a job that shows its id token, or with a token from the secrets.
import { hide, input, say, sleep, stop, Stop } from "./job.mjs";

const HOW = "Put `enable-openid-connect: true` into the workflow (Forgejo 15 and Forgejo runner 12.5 or newer), or set the input token from a secret.";

export class Fleet {
  /** `claimId`: the input `run` of a workflow that the orchestrator started. */
  constructor({ claimId = "", anonymous = false } = {}) {
    const server = input("server", { needed: true });
    if (!/^https?:\/\/[^\s@?#]+$/.test(server)) stop("The input server is no http(s) address.", "Give it like https://fleet.example.org.");
    this.server = server.replace(/\/+$/, "");
    this.patience = Number(input("patience-secs", { pattern: /^[0-9]{1,5}$/, otherwise: "60" }));
    this.given = input("token");
    this.audience = input("audience", { otherwise: "agent-fleet" });
    this.claimId = claimId;
    this.anonymous = anonymous;
    this.session = null;
    hide(this.given);
  }

  /** The answer's JSON with its status as `http` (`raw`: as it came); `ok` lists further statuses that are no mistake. */
  async call(method, path, { body, headers = {}, ok = [], raw = false } = {}) {
    for (let renewed = false; ; renewed = true) {
      const answer = await this.#insist(`${method} ${path}`, async () => {
        const bearer = this.anonymous ? {} : { authorization: `Bearer ${await this.#token()}` };
        const json = body !== undefined && !(body instanceof Uint8Array);
        return fetch(`${this.server}${path}`, {
          method,
          headers: { ...bearer, ...(json ? { "content-type": "application/json" } : {}), ...headers },
          body: json ? JSON.stringify(body) : body,
          redirect: "error",
          signal: AbortSignal.timeout(60_000),
        });
      });
      if (answer.status === 401 && this.session && !renewed) {
        this.session = null;
        continue;
      }
      if (!answer.ok && !ok.includes(answer.status)) stop(...(await refusal(answer)));
      return raw ? answer : { ...(await answer.json().catch(() => ({}))), http: answer.status };
    }
  }

  async #token() {
    if (this.given) return this.given;
    if (!this.session || Date.parse(this.session.expires_at) - Date.now() < 60_000) this.session = await this.#exchange();
    return this.session.token;
  }

  /** A session for this job's id token. An id token can be used once; two of the same second are the same. */
  async #exchange() {
    for (let tries = 0; ; tries++) {
      const token = await idToken(this.audience);
      const answer = await fetch(`${this.server}/api/v1/actions/session`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({ claim_id: this.claimId }),
        redirect: "error",
        signal: AbortSignal.timeout(60_000),
      });
      const said = await answer.json().catch(() => ({}));
      if (answer.status === 201) {
        hide(said.token);
        return said;
      }
      if (tries < 5 && (answer.status >= 500 || said.kind === "id_token_replayed")) {
        await sleep(1.2 + tries);
        continue;
      }
      stop(`The orchestrator does not accept this job: ${said.detail ?? answer.status}`, said.fix ?? HOW);
    }
  }

  async #insist(what, ask) {
    const until = Date.now() + this.patience * 1000;
    for (let pause = 0.5; ; pause = Math.min(pause * 2, 15)) {
      let why;
      try {
        const answer = await ask();
        if (![429, 502, 503, 504].includes(answer.status)) return answer;
        why = `it answers ${answer.status}`;
      } catch (problem) {
        if (problem instanceof Stop) throw problem;
        why = problem.cause?.code ?? problem.cause?.message ?? problem.message;
      }
      if (Date.now() + pause * 1000 > until) stop(`The orchestrator cannot be reached (${what}): ${why}.`, "Check the input server, and that it runs.");
      say(`Waiting for the orchestrator: ${why}.`);
      await sleep(pause);
    }
  }
}

/** This job's id token, made for `audience`. */
async function idToken(audience) {
  const url = process.env.ACTIONS_ID_TOKEN_REQUEST_URL;
  const bearer = process.env.ACTIONS_ID_TOKEN_REQUEST_TOKEN;
  if (!url || !bearer) stop("This job has neither an id token nor an operator token.", HOW);
  const asked = `${url}${url.includes("?") ? "&" : "?"}audience=${encodeURIComponent(audience)}`;
  let answer;
  try {
    answer = await fetch(asked, { headers: { authorization: `Bearer ${bearer}` }, signal: AbortSignal.timeout(30_000) });
  } catch (problem) {
    stop(`The forge gave no id token: ${problem.cause?.code ?? problem.message}.`, HOW);
  }
  const token = answer.ok ? (await answer.json()).value : null;
  if (!token) stop(`The forge gave no id token: it answers ${answer.status}.`, HOW);
  hide(token);
  return token;
}

async function refusal(answer) {
  const said = await answer.json().catch(() => ({}));
  const what = said.detail ?? `The orchestrator answers ${answer.status}.`;
  return [`${what} (${answer.status})`, said.fix ?? ""];
}

export const ID = /^[A-Za-z0-9_-]{1,64}$/;
export const REPOSITORY = /^[A-Za-z0-9._-]{1,100}\/[A-Za-z0-9._-]{1,100}$/;
export const taskPath = (id) => `/api/v1/tasks/${encodeURIComponent(id)}`;
