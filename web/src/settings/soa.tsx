import { Button } from "@cloudflare/kumo/components/button";
import { Input } from "@cloudflare/kumo/components/input";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Schema } from "../api/client";
import { secondariesQuery } from "../api/queries";
import { counted, span } from "../ui/format";
import { Card } from "../ui/page";
import { Preview } from "../drafts/preview";
import { planSettings, useSettings } from "./use-settings";

const numbers = [
  ["refresh", "Refresh"],
  ["retry", "Retry"],
  ["expire", "Expire"],
  ["min_ttl", "Minimum TTL"],
  ["ttl", "Record TTL"],
] as const;

/** A mailbox as the SOA has it, a name of which the first label is the local part (RFC 1035 section 8): people type an address. */
export function mailbox(text: string): string {
  const at = text.lastIndexOf("@");
  if (at < 0) return text.trim();
  return `${text.slice(0, at).trim().replaceAll(/[.\\]/g, "\\$&")}.${text.slice(at + 1).trim()}`;
}

/** What an RNAME stands for: the address, or the name that a typed address becomes. */
function addressed(text: string): string | undefined {
  if (text.includes("@")) return `In the record: ${mailbox(text)}`;
  const [, local, domain] = /^((?:\\.|[^.\\])+)\.(.+)$/.exec(text.trim()) ?? [];
  return local && domain ? `Mail to ${local.replaceAll(/\\(.)/g, "$1")}@${domain.replace(/\.$/, "")}` : undefined;
}

/** Seconds in the words that people compare; nothing for what is no number. */
const inWords = (text: string) => (/^\d{1,10}$/.test(text.trim()) ? span(Number(text)) : undefined);

/** The serial as it is now, and how many have it. */
function Holders({ zone }: { zone: Schema<"Zone"> }) {
  const known = useQuery(secondariesQuery(zone.id)).data;
  if (!known) return "The serial is counted by the server; times are in seconds.";
  const there = known.peers.filter((p) => p.serial === known.serial).length;
  return (
    <>
      Serial <span className="font-mono text-kumo-default">{known.serial}</span>, counted by the server
      {known.peers.length > 0 && `; ${there} of ${counted(known.peers.length, "secondary", "secondaries")} ${there === 1 ? "has" : "have"} it`}. Times are in seconds.
    </>
  );
}

/** The fields of the SOA record that can be chosen. */
export function SOACard({ zone, settings }: { zone: Schema<"Zone">; settings: Schema<"DNSSettings"> }) {
  const [soa, setSOA] = useState(() =>
    Object.fromEntries(Object.entries(settings.soa).map(([k, v]) => [k, v === null ? "" : String(v)])),
  );
  const save = useSettings(zone.id);
  const set = (member: string, value: string) => setSOA((s) => ({ ...s, [member]: value }));
  const body = {
    soa: {
      mname: soa.mname || null,
      rname: mailbox(soa.rname ?? ""),
      ...Object.fromEntries(numbers.map(([m]) => [m, Number(soa[m])])),
    },
  };
  return (
    <Card title="SOA record" description={<Holders zone={zone} />}>
      <form
        className="grid items-start gap-4 sm:grid-cols-2 lg:grid-cols-3 min-[90rem]:grid-cols-2 min-[120rem]:grid-cols-3"
        onSubmit={(e) => {
          e.preventDefault();
          save.run(body);
        }}
      >
        <Input label="Primary nameserver (MNAME)" placeholder="Chosen by the server" value={soa.mname ?? ""} error={save.at("/soa/mname")} onChange={(e) => set("mname", e.target.value)} />
        <Input label="Responsible (RNAME)" required description={addressed(soa.rname ?? "")} value={soa.rname ?? ""} error={save.at("/soa/rname")} onChange={(e) => set("rname", e.target.value)} />
        {numbers.map(([m, label]) => (
          <Input key={m} label={label} inputMode="numeric" required description={inWords(soa[m] ?? "")} value={soa[m] ?? ""} error={save.at(`/soa/${m}`)} onChange={(e) => set(m, e.target.value)} />
        ))}
        <div className="flex flex-col gap-3 sm:col-span-full">
          <div>
            <Button type="submit" loading={save.busy}>
              Save SOA
            </Button>
          </div>
          <Preview zone={zone.id} of={JSON.stringify(body)} plan={() => planSettings(zone.id, body)} />
        </div>
      </form>
    </Card>
  );
}
