import createClient, { type Middleware } from "openapi-fetch";
import { collectHeaders } from "./collect";
import { contactKept, contactLost } from "./contact";
import type { components, paths } from "./schema.gen";

/** One schema of api/openapi.yaml. */
export type Schema<Name extends keyof components["schemas"]> = components["schemas"][Name];

export type Fault = Pick<Schema<"Error">, "code" | "message" | "source">;

/** What the API says when it refuses: its own messages, with pointers to the members they are about. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly faults: Fault[],
  ) {
    super(faults.map((f) => f.message).join(" ") || `The server answered with status ${status}.`);
    this.name = "ApiError";
  }

  private readonly shown = new Set<Fault>();

  /** The message about the member that a JSON pointer names, for its field to show. */
  at(pointer: string): string | undefined {
    const fault = this.faults.find((f) => f.source?.pointer === pointer);
    if (fault) this.shown.add(fault);
    return fault?.message;
  }

  /** What fields have asked for. */
  placed(): Fault[] {
    return [...this.shown];
  }

  /** What no field has asked for, once all have been drawn. */
  elsewhere(): Fault[] {
    return this.faults.filter((f) => !this.shown.has(f));
  }

  /** Whether one of the messages has a code. */
  has(code: number): boolean {
    return this.faults.some((f) => f.code === code);
  }
}

/** What a change would do. */
export type ChangePlan = Schema<"ChangePlan">;

/** In place of an answer: the call was not done, it went into a draft, or was asked for as a plan alone. */
export class Planned extends Error {
  constructor(
    readonly plan: ChangePlan,
    readonly draft: string | null,
  ) {
    super("Nothing was changed.");
    this.name = "Planned";
  }
}

/** The header by which a call is tried out. */
export const dryRun = { "Headwater-Dry-Run": "1" } as const;

/** The call that each answer came by, as the zone's history knows it. */
const requests = new WeakMap<object, string>();

/** Notes by which call an answer came. */
export function cameBy(answer: unknown, request: string | null): void {
  if (typeof answer === "object" && answer !== null && request) requests.set(answer, request);
}

/** By which call an answer came; undefined where that is not known. */
export const requestOf = (answer: unknown): string | undefined => (typeof answer === "object" && answer !== null ? requests.get(answer) : undefined);

// The session's CSRF token lives in memory alone: a page of another origin has no way to it.
let csrf = "";

/** Sets the token that changes carry from now on; empty after signing out. */
export function setCSRF(token: string): void {
  csrf = token;
}

/** The headers that a request needs beside the session cookie. */
export function csrfHeaders(): Record<string, string> {
  return csrf === "" ? {} : { "X-CSRF-Token": csrf };
}

const guard: Middleware = {
  onRequest({ request }) {
    if (request.method === "GET") return request;
    if (csrf !== "") request.headers.set("X-CSRF-Token", csrf);
    if (request.headers.has("Headwater-Dry-Run")) return request; // against what is there now
    for (const [name, value] of Object.entries(collectHeaders(request.method, new URL(request.url).pathname))) request.headers.set(name, value);
    return request;
  },
  onResponse() {
    contactKept();
  },
  onError({ error }) {
    // A request that a newer one has made needless is no sign of anything.
    if (error instanceof DOMException && error.name === "AbortError") return undefined;
    contactLost();
    return new Error("Headwater could not be reached.");
  },
};

/** What early.js has asked for before this was read, by path and query in order of names. */
const early = (window as { headwaterEarly?: Map<string, Promise<Response>> }).headwaterEarly;

const earlyFor = 10_000; // milliseconds
if (early) setTimeout(() => early.clear(), earlyFor);

/** Answers that are on their way already serve once: later they would be old. */
function fetchOnce(request: Request): Promise<Response> {
  const at = new URL(request.url);
  at.searchParams.sort();
  const key = at.pathname + at.search;
  const answer = request.method === "GET" ? early?.get(key) : undefined;
  if (answer === undefined) return fetch(request);
  early?.delete(key);
  return answer;
}

/** The typed client of our own API. */
export const api = createClient<paths>({ baseUrl: window.location.origin, credentials: "same-origin", fetch: fetchOnce });
api.use(guard);

type Answer<T> = { data?: T; error?: unknown; response: Response };

/** Throws Planned where the headers of an answer say that nothing was done. */
export function doneOrPlanned(body: unknown, header: (name: string) => string | null): void {
  const draft = header("Headwater-Draft");
  if (draft !== null || header("Headwater-Dry-Run") !== null) throw new Planned((body as { result: ChangePlan }).result, draft);
}

/** Waits for an answer; throws ApiError where it is a refusal, and Planned where nothing was done. */
export async function call<T>(pending: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await pending;
  if (data === undefined || !response.ok) throw new ApiError(response.status, faultsOf(error));
  doneOrPlanned(data, (name) => response.headers.get(name));
  if (typeof data === "object" && data !== null && "result" in data) cameBy(data.result, response.headers.get("X-Request-Id"));
  return data;
}

/** What a call would do; it is given the header for that. A server that knows none has done it, and that is said. */
export async function planOf(run: (headers: Record<string, string>) => Promise<unknown>): Promise<ChangePlan> {
  try {
    await run(dryRun);
  } catch (e) {
    if (e instanceof Planned) return e.plan;
    throw e;
  }
  throw new Error("This server makes no plans: the change has been made.");
}

/** The result member of an answer. */
export async function result<T extends { result: unknown }>(pending: Promise<Answer<T>>): Promise<T["result"]> {
  return (await call(pending)).result;
}

/** Reads the errors of a body that is not an answer. */
export function faultsOf(body: unknown): Fault[] {
  if (typeof body !== "object" || body === null || !("errors" in body) || !Array.isArray(body.errors)) return [];
  return body.errors as Fault[];
}
