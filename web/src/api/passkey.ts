import { api, result, type Schema } from "./client";

/** What WebAuthn has for JSON; the server and the browser know what is in it. */
type Wire = Schema<"PasskeyOptions">["public_key"];

/** Why this browser has no passkeys at this address, in words; null where it has. */
export function passkeyTrouble(): string | null {
  if (!window.isSecureContext) return "Browsers have passkeys over https, or at localhost. This page is neither.";
  if (/^[\d.]+$|^\[/.test(window.location.hostname)) return "Browsers have no passkeys at an IP address. Open the dashboard by its name.";
  if (!("PublicKeyCredential" in window) || typeof PublicKeyCredential.parseRequestOptionsFromJSON !== "function")
    return "This browser has no passkeys, or is too old for them.";
  return null;
}

/** What browsers call their refusals; they tell little, so that pages learn nothing of keys that are not theirs. */
const refusals: Record<string, string> = {
  NotAllowedError: "The browser has no answer from a passkey: it was cancelled, took too long, or there is none here that fits.",
  InvalidStateError: "This authenticator has a passkey of yours already.",
  NotSupportedError: "This authenticator can make no passkey of the kinds that the server takes.",
  ConstraintError: "This authenticator cannot do what the server asks for.",
  AbortError: "This was given up.",
};

function inWords(e: unknown, domain: unknown): Error {
  const name = e instanceof DOMException ? e.name : "";
  if (name === "SecurityError")
    return new Error(`Passkeys of this server are bound to ${typeof domain === "string" ? domain : "another name"}, and this page is at ${window.location.hostname}. Open the dashboard there.`);
  if (refusals[name] !== undefined) return new Error(refusals[name]);
  return e instanceof Error ? e : new Error(String(e));
}

// A browser asks its user one thing at a time, and refuses a second question while there is a first.
let asking: AbortController | undefined;

/** Gives up what the browser is asking for. */
export const stopAsking = (): void => asking?.abort();

async function ask(domain: unknown, question: (signal: AbortSignal) => Promise<Credential | null>): Promise<Wire> {
  const trouble = passkeyTrouble();
  if (trouble !== null) throw new Error(trouble);
  stopAsking();
  const own = (asking = new AbortController());
  try {
    const answer = await question(own.signal);
    if (answer === null) throw new DOMException("", "NotAllowedError");
    return (answer as PublicKeyCredential).toJSON() as Wire;
  } catch (e) {
    throw inWords(e, domain);
  }
}

/** Has an authenticator make a passkey, of what the server has asked for. */
export function makePasskey(options: Wire): Promise<Wire> {
  const asked = options as unknown as PublicKeyCredentialCreationOptionsJSON;
  return ask(asked.rp.id, (signal) => navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked), signal }));
}

/** Has a passkey sign what the server has asked for. */
function sign(options: Wire): Promise<Wire> {
  const asked = options as unknown as PublicKeyCredentialRequestOptionsJSON;
  return ask(asked.rpId, (signal) => navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked), signal }));
}

/** Signs in by a passkey: alone, or beside what has been shown before. */
export async function enterByPasskey(beside: { email?: string; password?: string; provider?: boolean }): Promise<Schema<"SessionAnd">> {
  const { public_key } = await result(api.POST("/headwater/v1/session/passkey", { body: beside }));
  return result(api.PUT("/headwater/v1/session/passkey", { body: { passkey: await sign(public_key) } }));
}

/** Who is signed in shows one of his passkeys: what goes into a proof. */
export async function provePasskey(): Promise<Wire> {
  return sign((await result(api.POST("/headwater/v1/user/passkeys/proof"))).public_key);
}
