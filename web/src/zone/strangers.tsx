import { Button } from "@cloudflare/kumo/components/button";
import { useState } from "react";
import { api, result, type Schema } from "../api/client";
import { useAction } from "../ui/action";
import { ConfirmDialog } from "../ui/dialogs";
import { ago, moment } from "../ui/format";
import { readOnlyText, useMay, zoneRights } from "../ui/rights";

type Stranger = Schema<"SecondaryStranger">;

/** Who was refused the zone and is no peer of it, with the way to let it in. */
export function Strangers(props: { account: string; zone: Schema<"Zone">; list: Stranger[]; onCheck: (s: Stranger) => void }) {
  const { account, zone } = props;
  const mayAccount = useMay(account, "Account Settings Write");
  const may = mayAccount && zoneRights(zone).settings;
  const [letIn, setLetIn] = useState<string | null>(null);
  const allow = useAction({
    quiet: true,
    stale: [["acls", account], ["secondaries", zone.id]],
    done: (acl) => `An ACL lets ${acl.ip_range} in`,
    run: (address: string) => result(api.POST("/headwater/v1/zones/{zone_id}/access_allow", { params: { path: { zone_id: zone.id } }, body: { address } })),
    then: () => setLetIn(null),
  });
  if (props.list.length === 0) return null;
  return (
    <section aria-label="Others that were refused" className="flex flex-col gap-3">
      <h2 className="m-0 text-lg font-semibold">Others that were refused</h2>
      <ul className="m-0 flex list-none flex-col rounded-lg bg-kumo-base p-0 text-sm ring ring-kumo-hairline">
        {props.list.map((o) => (
          <li key={`${o.address} ${o.cause}`} className="flex flex-wrap items-center justify-between gap-x-4 gap-y-1 border-b border-kumo-hairline px-4 py-2 last:border-0">
            <span className="min-w-0 flex-1 basis-64 break-words">
              <span className="text-kumo-subtle">{ago(o.on)} </span>
              {`${o.address}${o.key ? `, key ${o.key}` : ""}: ${o.reason}${o.count > 1 ? ` (× ${o.count} since ${moment(o.since)})` : ""}`}
            </span>
            <span className="flex flex-wrap gap-2">
              <Button size="sm" variant="ghost" aria-label={`Check ${o.address}: ${o.reason}`} onClick={() => props.onCheck(o)}>
                Check
              </Button>
              {/* Refusals of another kind no ACL mends. */ o.cause === "address" && (
                <Button size="sm" disabled={!may} title={may ? undefined : readOnlyText} aria-label={`Allow ${o.address}`} onClick={() => setLetIn(o.address)}>
                  Allow
                </Button>
              )}
            </span>
          </li>
        ))}
      </ul>
      <ConfirmDialog
        open={letIn !== null}
        title={`Allow ${letIn ?? ""}`}
        text="An ACL is made for this address alone: from then on it may transfer every zone of this account that has transfers on, signed with the TSIG of the zone's links where they have one. ACLs are under DNS Zone Transfers."
        submit="Allow"
        busy={allow.busy}
        error={allow.error}
        onClose={() => {
          setLetIn(null);
          allow.reset();
        }}
        onConfirm={() => letIn !== null && allow.run(letIn)}
      />
    </section>
  );
}
