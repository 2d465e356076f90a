import { api, planOf, result, type Schema } from "../api/client";
import { useAction } from "../ui/action";

type Patch = Schema<"DNSSettingsPatch">;

/** Changes a zone's DNS settings. */
const send = (zone: string, body: Patch, headers: Record<string, string> = {}) =>
  result(api.PATCH("/client/v4/zones/{zone_id}/dns_settings", { params: { path: { zone_id: zone } }, body, headers }));

/** What a change of a zone's DNS settings would do. */
export const planSettings = (zone: string, body: Patch) => planOf((headers) => send(zone, body, headers));

export const useSettings = (zone: string) =>
  useAction({
    done: "Settings saved",
    undoIn: zone,
    stale: [["dns-settings", zone], ["secondaries", zone]],
    run: (body: Patch) => send(zone, body),
  });
