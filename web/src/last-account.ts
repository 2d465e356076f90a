const key = "headwater-account";

/** Remembers, in this browser, the account that somebody works in. */
export function keepAccount(id: string): void {
  window.localStorage.setItem(key, id);
}

/** The account of last time, if it is still among those given; the first of them otherwise. */
export function lastAccount<A extends { id: string }>(accounts: readonly A[]): A | undefined {
  const kept = window.localStorage.getItem(key);
  return accounts.find((a) => a.id === kept) ?? accounts[0];
}

/** Whether somebody has worked in an account in this browser. */
export const wasHere = (): boolean => window.localStorage.getItem(key) !== null;
