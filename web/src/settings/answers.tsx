import { Switch } from "@cloudflare/kumo/components/switch";
import type { Schema } from "../api/client";
import { Card } from "../ui/page";
import { Preview } from "../drafts/preview";
import { planSettings, useSettings } from "./use-settings";

/** CNAME flattening. */
export function AnswersCard({ zone, settings }: { zone: Schema<"Zone">; settings: Schema<"DNSSettings"> }) {
  const save = useSettings(zone.id);
  const next = { flatten_all_cnames: !settings.flatten_all_cnames };
  return (
    <Card title="CNAME flattening" description="A CNAME at the zone apex is always answered with the addresses of its target.">
      <div className="flex flex-col gap-3">
        <Switch
          label="Flatten all CNAME records"
          checked={settings.flatten_all_cnames}
          disabled={save.busy}
          onCheckedChange={(on) => save.run({ flatten_all_cnames: on })}
        />
        <Preview zone={zone.id} of={JSON.stringify(next)} label={`Preview switching it ${settings.flatten_all_cnames ? "off" : "on"}`} plan={() => planSettings(zone.id, next)} />
      </div>
    </Card>
  );
}
