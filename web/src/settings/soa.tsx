import { Button } from "@cloudflare/kumo/components/button";
import { Input } from "@cloudflare/kumo/components/input";
import { useState } from "react";
import type { Schema } from "../api/client";
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
      rname: soa.rname,
      ...Object.fromEntries(numbers.map(([m]) => [m, Number(soa[m])])),
    },
  };
  return (
    <Card title="SOA record" description="The serial is ours to count; times are in seconds.">
      <form
        className="grid items-start gap-4 sm:grid-cols-2 lg:grid-cols-3"
        onSubmit={(e) => {
          e.preventDefault();
          save.run(body);
        }}
      >
        <Input label="Primary nameserver (MNAME)" placeholder="Chosen by the server" value={soa.mname ?? ""} error={save.at("/soa/mname")} onChange={(e) => set("mname", e.target.value)} />
        <Input label="Responsible (RNAME)" required value={soa.rname ?? ""} error={save.at("/soa/rname")} onChange={(e) => set("rname", e.target.value)} />
        {numbers.map(([m, label]) => (
          <Input key={m} label={label} inputMode="numeric" required value={soa[m] ?? ""} error={save.at(`/soa/${m}`)} onChange={(e) => set(m, e.target.value)} />
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
