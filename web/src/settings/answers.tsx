import { Switch } from "@cloudflare/kumo/components/switch";
import type { Schema } from "../api/client";
import { Card } from "../ui/page";
import { useSettings } from "./use-settings";

/** CNAME flattening. */
export function AnswersCard({ zone, settings }: { zone: Schema<"Zone">; settings: Schema<"DNSSettings"> }) {
  const save = useSettings(zone.id);
  return (
    <Card title="CNAME flattening" description="A CNAME at the zone apex is always answered with the addresses of its target.">
      <Switch
        label="Flatten all CNAME records"
        checked={settings.flatten_all_cnames}
        disabled={save.busy}
        onCheckedChange={(on) => save.run({ flatten_all_cnames: on })}
      />
    </Card>
  );
}
