import { ApiError, csrfHeaders, faultsOf } from "./client";
import { contactKept, contactLost } from "./contact";

/** An answer with what stands beside its result. */
export type Whole<T> = { result: T; result_info: Info; messages: { code: number; message: string }[] };
export type Info = { count?: number; total_count?: number; cursors?: { after?: string }; begins?: string; days?: number };

type Query = Record<string, string | number | boolean | undefined>;

/** Asks our own part of the API; throws ApiError where it refuses. Parts of the path are put in by whoever asks, each through seg. */
export async function ask<T>(method: string, path: string, o: { query?: Query; body?: unknown; headers?: Record<string, string> } = {}): Promise<Whole<T>> {
  const at = new URL(`/headwater/v1${path}`, window.location.origin);
  for (const [name, value] of Object.entries(o.query ?? {})) if (value !== undefined && value !== "") at.searchParams.set(name, String(value));
  const init: RequestInit = { method, credentials: "same-origin", headers: { ...(method === "GET" ? {} : csrfHeaders()), ...o.headers } };
  if (o.body !== undefined) {
    init.body = JSON.stringify(o.body);
    init.headers = { ...init.headers, "Content-Type": "application/json" };
  }
  let answer: Response;
  try {
    answer = await fetch(at, init);
  } catch {
    contactLost();
    throw new Error("Headwater could not be reached.");
  }
  contactKept();
  const body: unknown = await answer.json().catch(() => null);
  if (!answer.ok || body === null) throw new ApiError(answer.status, faultsOf(body));
  return body as Whole<T>;
}

/** A part of a path. */
export const seg = encodeURIComponent;
