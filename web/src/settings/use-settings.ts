import { useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { api, result, type Schema } from "../api/client";
import { dnsSettingsQuery } from "../api/queries";
import { useAction } from "../ui/action";

type Patch = Schema<"DNSSettingsPatch">;

/** Changes a zone's DNS settings. */
export function useSettings(zone: string) {
  const client = useQueryClient();
  const send = (body: Patch) => result(api.PATCH("/client/v4/zones/{zone_id}/dns_settings", { params: { path: { zone_id: zone } }, body }));
  // What the members were when they were changed; undoing puts just these back.
  const before = useRef<Patch>({});
  return useAction({
    done: "Settings saved",
    undo: () => {
      const back = before.current;
      return () => send(back);
    },
    stale: [["dns-settings", zone], ["secondaries", zone]],
    run: (body: Patch) => {
      const now: Record<string, unknown> = client.getQueryData(dnsSettingsQuery(zone).queryKey) ?? {};
      before.current = Object.fromEntries(Object.keys(body).map((k) => [k, now[k]])) as Patch;
      return send(body);
    },
  });
}
