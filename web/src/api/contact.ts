import { useSyncExternalStore } from "react";

/** Since when the server does not answer; null while it does. */
let lost: Date | null = null;
const listeners = new Set<() => void>();
const returns = new Set<() => void>();
let timer: ReturnType<typeof setTimeout> | undefined;

/** Pauses between two looks for a server that went away, in milliseconds. */
const firstPause = 1_000;
const lastPause = 10_000;

function tell(): void {
  for (const l of listeners) l();
}

/** A request got no answer at all. */
export function contactLost(): void {
  if (lost !== null) return;
  lost = new Date();
  tell();
  timer = setTimeout(() => void look(firstPause), firstPause);
}

/** The server has answered. */
export function contactKept(): void {
  if (lost === null) return;
  lost = null;
  clearTimeout(timer);
  tell();
  for (const r of returns) r();
}

/** Looks whether the server is back, and again later where it is not. */
async function look(pause: number): Promise<void> {
  clearTimeout(timer);
  try {
    await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(lastPause) });
    contactKept();
  } catch {
    if (lost === null) return contactLost(); // which looks again
    const next = Math.min(pause * 2, lastPause);
    timer = setTimeout(() => void look(next), next);
  }
}

/** Looks at once; who finds nobody says so. */
export function lookNow(): void {
  void look(firstPause);
}

/** Calls back whenever a server that had gone answers again. */
export function onReturn(callback: () => void): void {
  returns.add(callback);
}

/** Since when there is no contact; null while there is. */
export function useLost(): Date | null {
  return useSyncExternalStore(
    (l) => {
      listeners.add(l);
      return () => listeners.delete(l);
    },
    () => lost,
  );
}
