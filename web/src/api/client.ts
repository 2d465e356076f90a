import createClient, { type Middleware } from "openapi-fetch";
import { contactKept, contactLost } from "./contact";
import type { components, paths } from "./schema.gen";

/** One schema of api/openapi.yaml. */
export type Schema<Name extends keyof components["schemas"]> = components["schemas"][Name];

type Fault = Pick<Schema<"Error">, "code" | "message" | "source">;

/** What the API says when it refuses: its own messages, with pointers to the members they are about. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly faults: Fault[],
  ) {
    super(faults.map((f) => f.message).join(" ") || `The server answered with status ${status}.`);
    this.name = "ApiError";
  }

  /** The message about the member that a JSON pointer names. */
  at(pointer: string): string | undefined {
    return this.faults.find((f) => f.source?.pointer === pointer)?.message;
  }
}

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
    if (request.method !== "GET" && csrf !== "") request.headers.set("X-CSRF-Token", csrf);
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

/** Waits for an answer; throws ApiError where it is a refusal. */
export async function call<T>(pending: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await pending;
  if (data !== undefined && response.ok) return data;
  throw new ApiError(response.status, faultsOf(error));
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
