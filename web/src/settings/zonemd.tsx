import { Switch } from "@cloudflare/kumo/components/switch";
import { useQuery } from "@tanstack/react-query";
import type { Schema } from "../api/client";
import { putZoneDigest, zoneDigestQuery } from "../api/digest";
import { useAction } from "../ui/action";
import { FormError } from "../ui/dialogs";
import { Fact } from "../ui/fact";
import { octets } from "../ui/format";
import { Card, Loaded } from "../ui/page";

/** A digest of the whole zone in the zone (ZONEMD, RFC 8976). */
export function ZoneDigestCard({ zone }: { zone: Schema<"Zone"> }) {
  const digest = useQuery(zoneDigestQuery(zone.id));
  const put = useAction({
    quiet: true,
    stale: [["zonemd", zone.id]],
    done: (_, on: boolean) => `Zone digest ${on ? "on" : "off"}`,
    run: (on) => putZoneDigest(zone.id, on),
    undo: (_, on) => () => putZoneDigest(zone.id, !on),
  });
  return (
    <Card title="Zone digest (ZONEMD)" description="A record by which whoever has the zone sees that it is whole and as it was sent (RFC 8976). It is made anew with every version.">
      <Loaded query={digest}>
        {(d) => (
          <div className="flex flex-col gap-4">
            <FormError error={put.error} />
            <Switch label="Carry a digest" checked={d.enabled} disabled={put.busy} onCheckedChange={put.run} />
            <dl className="m-0 flex flex-wrap gap-x-10 gap-y-3">
              <Fact name="Size of the zone">{d.limit === 0 ? `${octets(d.octets)}; this server gives digests to none` : `${octets(d.octets)} of at most ${octets(d.limit)}`}</Fact>
              {d.digest !== "" && (
                <>
                  <Fact name="Of serial">{d.serial}</Fact>
                  <Fact name="Digest (SHA-384)">
                    <span className="font-mono text-sm break-all">{d.digest}</span>
                  </Fact>
                </>
              )}
            </dl>
          </div>
        )}
      </Loaded>
    </Card>
  );
}
