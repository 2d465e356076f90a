import { useSyncExternalStore } from "react";
import { ApiError, api, result, setCSRF, type Schema } from "./client";

/** Statuses by which the API refuses who is not signed in any more. */
const refusals = [400, 401, 403];

/** Whether an error may mean that the session is over. */
export function mayBeOver(e: unknown): boolean {
  return e instanceof ApiError && refusals.includes(e.status);
}

/** Who is signed in; null for nobody. */
export async function readSession(): Promise<Schema<"Session"> | null> {
  try {
    const session = await result(api.GET("/headwater/v1/session"));
    setCSRF(session.csrf_token);
    return session;
  } catch (e) {
    if (e instanceof ApiError && e.status < 500) return null;
    throw e;
  }
}

// Whoever waits for somebody to sign in again; the dialog is open while there is one.
type Waiter = { resolve: (again: boolean) => void };
let waiters: Waiter[] = [];
const listeners = new Set<() => void>();

function settle(again: boolean): void {
  const all = waiters;
  waiters = [];
  for (const l of listeners) l();
  for (const w of all) w.resolve(again);
}

/** Signed in again, by the same person: what was refused is tried once more. */
export const signedInAgain = (): void => settle(true);

/** Nobody signs in again. */
export const gaveUp = (): void => settle(false);

/** After a refusal: where the session is over, asks to sign in over the page, and says whether somebody did. */
export async function renewed(e: unknown): Promise<boolean> {
  if (!mayBeOver(e) || (await readSession()) !== null) return false;
  return new Promise((resolve) => {
    waiters = [...waiters, { resolve }];
    for (const l of listeners) l();
  });
}

/** Whether signing in again is asked for. */
export function useSessionOver(): boolean {
  return useSyncExternalStore(
    (l) => {
      listeners.add(l);
      return () => listeners.delete(l);
    },
    () => waiters.length > 0,
  );
}
