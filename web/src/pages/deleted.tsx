import { Button } from "@cloudflare/kumo/components/button";
import { Link } from "@cloudflare/kumo/components/link";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { deletedZonesQuery, purge, undelete, type DeletedZone } from "../api/history";
import { useAction } from "../ui/action";
import { Begin } from "../ui/begin";
import { DataTable } from "../ui/data-table";
import { ConfirmDialog } from "../ui/dialogs";
import { ago, moment } from "../ui/format";
import { Loaded, Page, Skeleton } from "../ui/page";
import { readOnlyText, useMay } from "../ui/rights";

/** Zones that were deleted and can still be brought back. */
export default function Deleted() {
  const { account } = useParams({ from: "/signed-in/$account/deleted-zones" });
  const zones = useQuery(deletedZonesQuery(account));
  const may = useMay(account, "Zone Write");
  const [purging, setPurging] = useState<DeletedZone | null>(null);
  const stale = [["deleted-zones", account], ["zones"]];
  const back = useAction({
    stale,
    done: (_, z: DeletedZone) => `${z.name} is back`,
    run: (z) => undelete(account, z.id),
  });
  const drop = useAction({ quiet: true, stale, done: "Gone for good", run: (z: DeletedZone) => purge(account, z.id), then: () => setPurging(null) });
  const why = may ? undefined : readOnlyText;
  return (
    <Page title="Deleted zones" description="They come back with records, keys, links and history, under a serial that secondaries follow.">
      <Loaded query={zones} waiting={<Skeleton />}>
        {(list) =>
          list.length === 0 ? (
            <Begin
              title="Nothing to bring back"
              about="A zone that is removed stays here for 14 days and comes back with all that it had. Meanwhile it is not answered."
              steps={[
                <>
                  To remove a zone, open its DNS settings from the <Link href={`/${account}/home`}>account home</Link>: the last card does it, and asks for the name.
                </>,
                "Should it be wanted again, bring it back here: secondaries follow it as before.",
                "To take back a change of a zone, and not the zone, look at its history.",
              ]}
            />
          ) : (
            <DataTable
              label="Deleted zones"
              rows={list}
              id={(z) => z.id}
              columns={[
                { head: "Zone", className: "font-medium break-all", cell: (z) => z.name },
                {
                  head: "Deleted",
                  className: "whitespace-nowrap",
                  cell: (z) => (
                    <time dateTime={z.deleted_on} title={moment(z.deleted_on)}>
                      {ago(z.deleted_on)}
                    </time>
                  ),
                },
                { head: "By", cell: (z) => z.actor.email || "–" },
                { head: "Records", named: true, cell: (z) => z.records.toLocaleString("en") },
                { head: "Can be brought back", named: true, className: "whitespace-nowrap", cell: (z) => `until ${moment(z.until)}` },
                {
                  head: "Actions",
                  className: "actions",
                  cell: (z) => (
                    <span className="flex gap-1">
                      <Button size="sm" disabled={!may} title={why} aria-label={`Bring back ${z.name}`} loading={back.busy && back.input?.id === z.id} onClick={() => back.run(z)}>
                        Bring back
                      </Button>
                      <Button size="sm" variant="ghost" disabled={!may} title={why} aria-label={`Delete for good: ${z.name}`} onClick={() => setPurging(z)}>
                        Delete for good
                      </Button>
                    </span>
                  ),
                },
              ]}
            />
          )
        }
      </Loaded>
      <ConfirmDialog
        open={purging !== null}
        title="Delete for good"
        text={`${purging?.name ?? ""} with its records, keys and history cannot be brought back from then on.`}
        submit="Delete for good"
        busy={drop.busy}
        error={drop.error}
        onClose={() => setPurging(null)}
        onConfirm={() => purging && drop.run(purging)}
      />
    </Page>
  );
}
