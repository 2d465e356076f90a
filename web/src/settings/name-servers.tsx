import { Button } from "@cloudflare/kumo/components/button";
import { Input } from "@cloudflare/kumo/components/input";
import { Switch } from "@cloudflare/kumo/components/switch";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Schema } from "../api/client";
import { apexNSQuery } from "../api/queries";
import { useAction } from "../ui/action";
import { Card } from "../ui/page";
import { ParentSays } from "./delegation";
import { Preview } from "../drafts/preview";
import { planSettings, useSettings } from "./use-settings";

type Props = { zone: Schema<"Zone">; settings: Schema<"DNSSettings"> };

/** The zone's name servers, their TTL, and whether others stand beside them. */
export function NameServersCard({ zone, settings }: Props) {
  const [ttl, setTTL] = useState(String(settings.ns_ttl));
  const save = useSettings(zone.id);
  // With others beside us, the NS records at the apex are answered, too: the parent must name the whole set.
  const others = useQuery({ ...apexNSQuery(zone), enabled: settings.multi_provider }).data ?? [];
  const names = [...new Set([...zone.name_servers, ...(settings.multi_provider ? others : [])])];
  const switched = { multi_provider: !settings.multi_provider };
  const copy = useAction({ done: "Copied", run: () => navigator.clipboard.writeText(names.join("\n")) });
  return (
    <Card
      title="Nameservers"
      description={
        settings.multi_provider
          ? "Delegate the zone to all of these names at your registrar: ours, and the NS records at the apex."
          : "Delegate the zone to these names at your registrar."
      }
      actions={
        names.length > 0 && (
          <Button size="sm" onClick={() => copy.run()}>
            Copy names
          </Button>
        )
      }
    >
      <ul className="mt-0 mb-5 list-none p-0 font-mono text-sm" aria-label="Names to delegate to">
        {names.map((n) => (
          <li key={n}>{n}</li>
        ))}
        {names.length === 0 && <li>None are set. Start the server with --nameservers.</li>}
      </ul>
      <ParentSays zone={zone} />
      <form
        className="mb-5 flex flex-wrap items-end gap-3"
        onSubmit={(e) => {
          e.preventDefault();
          save.run({ ns_ttl: Number(ttl) });
        }}
      >
        <Input label="NS record TTL (seconds)" inputMode="numeric" required value={ttl} error={save.at("/ns_ttl")} onChange={(e) => setTTL(e.target.value)} />
        <Button type="submit" loading={save.busy} disabled={ttl === String(settings.ns_ttl)}>
          Save
        </Button>
      </form>
      <div id="multi-provider">
        <Switch
          label="Multi-provider DNS"
          checked={settings.multi_provider}
          disabled={save.busy}
          onCheckedChange={(on) => save.run({ multi_provider: on })}
        />
      </div>
      <p className="mt-1 mb-3 text-sm text-kumo-subtle">
        NS records at the zone apex are answered and transferred beside the nameservers above.
      </p>
      <Preview zone={zone.id} of={JSON.stringify(switched)} label={`Preview switching it ${settings.multi_provider ? "off" : "on"}`} plan={() => planSettings(zone.id, switched)} />
    </Card>
  );
}
