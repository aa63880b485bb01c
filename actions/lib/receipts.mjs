// Signed receipts, checked without anybody's help: canonical bytes, digest, signature (see docs/explanation/receipts.md).
import { createHash, createPublicKey, verify } from "node:crypto";

const KIND = "application/vnd.agent-fleet.receipt+json";

/** RFC 8785 without fractions: members by UTF-16 code units, no spaces. */
export function canonical(value) {
  if (value === null || typeof value === "boolean" || typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) throw new Error("a number is no whole number of 53 bits");
    return String(value);
  }
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

function payload(receipt) {
  const { sig, ...rest } = receipt;
  return Buffer.from(canonical(rest), "utf8");
}

export const digest = (receipt) => createHash("sha256").update(payload(receipt)).digest("hex");

/** A public key from PEM, or from the base64 of its 32 bytes; `id` is the beginning of their SHA-256. */
export function publicKey(written) {
  const key = written.includes("-----BEGIN")
    ? createPublicKey(written)
    : createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: Buffer.from(written, "base64").toString("base64url") }, format: "jwk" });
  if (key.asymmetricKeyType !== "ed25519") throw new Error("it is no ed25519 key");
  const raw = Buffer.from(key.export({ format: "jwk" }).x, "base64url");
  return { key, id: createHash("sha256").update(raw).digest("hex").slice(0, 16) };
}

/** Why the receipt cannot be believed, "" when it can. */
export function problemWith(receipt, keys) {
  if (receipt?.schema !== "fleet.receipt/1" || !receipt.sig) return "it is no receipt of the fleet";
  const found = keys.find((one) => one.id === receipt.sig.key_id);
  if (!found) return `it is signed with the unknown key ${receipt.sig.key_id}`;
  const body = payload(receipt);
  const signed = Buffer.concat([Buffer.from(`DSSEv1 ${KIND.length} ${KIND} ${body.length} `), body]);
  const fits = receipt.sig.alg === "ed25519" && receipt.sig.payload_type === KIND
    && verify(null, signed, found.key, Buffer.from(receipt.sig.dsse, "base64"));
  return fits ? "" : "its signature does not fit";
}
