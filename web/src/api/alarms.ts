import { queryOptions, useQuery } from "@tanstack/react-query";
import { pace } from "./events";
import { ask, seg } from "./own";

export type Severity = "warning" | "critical";

export type Alarm = {
  id: string;
  rule: string;
  severity: Severity;
  state: "raised" | "cleared";
  zone_id: string;
  zone_name: string;
  peer_id: string;
  subject: string;
  text: string;
  raised_on: string;
  changed_on: string;
  cleared_on: string | null;
  acknowledged_on: string | null;
  acknowledged_by: string;
  silenced_until: string | null;
  silenced_by: string;
};

export type Rule = { rule: string; enabled: boolean; severity: Severity; after: number; clear_after: number; before?: number; versions?: number; default: boolean };

export type Webhook = {
  id: string;
  kind: "https" | "email";
  name: string;
  url: string;
  email: string;
  enabled: boolean;
  severities: Severity[];
  secret?: string;
  last_delivery: { state: string; on: string; status: number | null; error: string } | null;
};

export type Delivery = { id: string; type: string; alarm_ids: string[]; state: "waiting" | "delivered" | "failed"; attempts: number; created_on: string; next_on: string | null; done_on: string | null; status: number | null; error: string };

const of = (account: string) => `/accounts/${seg(account)}`;

/** Alarms, the newest change first; the sum stands beside the list. */
export const alarmsQuery = (account: string, state: "raised" | "cleared", page = 1, perPage = 50) =>
  queryOptions({
    queryKey: ["alarms", account, state, page, perPage],
    refetchInterval: pace(30_000),
    retry: false,
    placeholderData: (before) => before,
    queryFn: () => ask<Alarm[]>("GET", `${of(account)}/alarms`, { query: { state, page, per_page: perPage } }),
  });

/** How many alarms are raised in an account, as events tell of them, or the page of alarms has read it: nothing is asked for it again and again. */
export function useRaised(account: string): number {
  const raised = useQuery({ ...alarmsQuery(account, "raised"), refetchInterval: false }).data;
  return raised?.result_info.total_count ?? raised?.result.length ?? 0;
}

export const patchAlarm = async (account: string, id: string, body: { acknowledged?: boolean; silenced_until?: string | null }) =>
  (await ask<Alarm>("PATCH", `${of(account)}/alarms/${seg(id)}`, { body })).result;

export const rulesQuery = (account: string) =>
  queryOptions({ queryKey: ["alarm-rules", account], queryFn: async () => (await ask<{ rules: Rule[] }>("GET", `${of(account)}/alarm_rules`)).result.rules });

export const patchRule = (account: string, rule: { rule: string } & Partial<Rule>) => ask<{ rules: Rule[] }>("PATCH", `${of(account)}/alarm_rules`, { body: { rules: [rule] } });

export const webhooksQuery = (account: string) =>
  queryOptions({ queryKey: ["webhooks", account], queryFn: async () => (await ask<Webhook[]>("GET", `${of(account)}/webhooks`)).result });

export const addWebhook = async (account: string, body: { kind: "https" | "email"; name: string; url?: string; email?: string }) =>
  (await ask<Webhook>("POST", `${of(account)}/webhooks`, { body })).result;

export const patchWebhook = async (account: string, id: string, body: Partial<Webhook> & { rotate_secret?: boolean }) =>
  (await ask<Webhook>("PATCH", `${of(account)}/webhooks/${seg(id)}`, { body })).result;

export const deleteWebhook = (account: string, id: string) => ask<{ id: string }>("DELETE", `${of(account)}/webhooks/${seg(id)}`);

export const testWebhook = async (account: string, id: string) => (await ask<{ delivery_id: string }>("POST", `${of(account)}/webhooks/${seg(id)}/test`, { body: {} })).result;

export const deliveriesQuery = (account: string, id: string) =>
  queryOptions({
    queryKey: ["deliveries", account, id],
    refetchInterval: 3_000,
    queryFn: async () => (await ask<Delivery[]>("GET", `${of(account)}/webhooks/${seg(id)}/deliveries`, { query: { per_page: 50 } })).result,
  });
