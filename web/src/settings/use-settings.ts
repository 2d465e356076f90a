import { api, result, type Schema } from "../api/client";
import { useAction } from "../ui/action";

/** Changes a zone's DNS settings. */
export function useSettings(zone: string) {
  return useAction({
    done: "Settings saved",
    stale: [["dns-settings", zone], ["secondaries", zone]],
    run: (body: Schema<"DNSSettingsPatch">) =>
      result(api.PATCH("/client/v4/zones/{zone_id}/dns_settings", { params: { path: { zone_id: zone } }, body })),
  });
}
