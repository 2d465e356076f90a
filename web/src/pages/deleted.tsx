import { Button } from "@cloudflare/kumo/components/button";
import { Empty } from "@cloudflare/kumo/components/empty";
import { Table } from "@cloudflare/kumo/components/table";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { deletedZonesQuery, purge, undelete, type DeletedZone } from "../api/history";
import { useAction } from "../ui/action";
import { ConfirmDialog } from "../ui/dialogs";
import { ago, moment } from "../ui/format";
import { Loaded, Page, Skeleton, TableFrame } from "../ui/page";
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
            <Empty title="None" description="No zone was deleted in the last 14 days." />
          ) : (
            <TableFrame label="Deleted zones">
              <Table className="dense cards">
                <Table.Header>
                  <Table.Row>
                    <Table.Head>Zone</Table.Head>
                    <Table.Head>Deleted</Table.Head>
                    <Table.Head>By</Table.Head>
                    <Table.Head>Records</Table.Head>
                    <Table.Head>Can be brought back</Table.Head>
                    <Table.Head>Actions</Table.Head>
                  </Table.Row>
                </Table.Header>
                <Table.Body>
                  {list.map((z) => (
                    <Table.Row key={z.id}>
                      <Table.Cell className="font-medium break-all">{z.name}</Table.Cell>
                      <Table.Cell className="whitespace-nowrap">
                        <time dateTime={z.deleted_on} title={moment(z.deleted_on)}>
                          {ago(z.deleted_on)}
                        </time>
                      </Table.Cell>
                      <Table.Cell>{z.actor.email || "–"}</Table.Cell>
                      <Table.Cell data-head="Records">{z.records.toLocaleString("en")}</Table.Cell>
                      <Table.Cell data-head="Can be brought back" className="whitespace-nowrap">{`until ${moment(z.until)}`}</Table.Cell>
                      <Table.Cell className="actions">
                        <span className="flex gap-1">
                          <Button size="sm" disabled={!may} title={why} aria-label={`Bring back ${z.name}`} loading={back.busy && back.input?.id === z.id} onClick={() => back.run(z)}>
                            Bring back
                          </Button>
                          <Button size="sm" variant="ghost" disabled={!may} title={why} aria-label={`Delete for good: ${z.name}`} onClick={() => setPurging(z)}>
                            Delete for good
                          </Button>
                        </span>
                      </Table.Cell>
                    </Table.Row>
                  ))}
                </Table.Body>
              </Table>
            </TableFrame>
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
