import { api, call } from "./client";

/** What the list of records is asked for: all members are texts or numbers of the address. */
type Query = Record<string, string | number | undefined>;
type Answer = Awaited<ReturnType<typeof ask>>;

let early: { key: string; answer: Promise<Answer | null> } | null = null;

/** One text for one list. */
const keyOf = (account: string, zone: string, query: Query) =>
  JSON.stringify([account, zone, Object.entries(query).filter(([, v]) => v !== undefined).sort()]);

function ask(account: string, zone: string, query: Query) {
  return call(
    api.GET("/headwater/v1/accounts/{account_id}/zones/{zone_name}/dns_records", {
      params: { path: { account_id: account, zone_name: zone }, query },
    }),
  );
}

/** Names that the address of a request can hold as they are. */
const plain = /^[a-z0-9._~-]+$/i;

/**
 * Asks for a page's records before anything else is known: its address has the zone's name, and the session, the zone and its
 * records are then on their way at once rather than one after the other. What fails is asked for again in the usual way.
 */
export function askEarly(account: string, zone: string, query: Query): void {
  if (!plain.test(zone)) return;
  early = { key: keyOf(account, zone, query), answer: ask(account, zone, query).catch(() => null) };
}

/** The answer that was asked for early; null where there is none. Once it is there it serves nobody any more: it would be old. */
export async function takeEarly(account: string, zone: string, query: Query): Promise<Answer | null> {
  if (early?.key !== keyOf(account, zone, query)) return null;
  const answer = await early.answer;
  early = null;
  return answer;
}
