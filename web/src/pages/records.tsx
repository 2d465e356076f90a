import { Button, LinkButton } from "@cloudflare/kumo/components/button";
import { Empty } from "@cloudflare/kumo/components/empty";
import { Pagination } from "@cloudflare/kumo/components/pagination";
import { DownloadSimpleIcon, PlusIcon, UploadSimpleIcon } from "@phosphor-icons/react";
import { keepPreviousData, useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { api, call, result, type Schema } from "../api/client";
import { zoneQuery } from "../api/queries";
import { ImportDialog } from "../records/import";
import { Notices } from "../records/notices";
import { RecordFilters } from "../records/filters";
import { RecordForm } from "../records/record-form";
import { RecordTable } from "../records/record-table";
import { useAction } from "../ui/action";
import { ConfirmDialog } from "../ui/dialogs";
import { counted } from "../ui/format";
import { Card, Loaded, Page } from "../ui/page";

const from = "/signed-in/$account/$zone/dns/records";
type Record = Schema<"Record">;

/** Zone > DNS > Records. What it shows is in the address; the server pages, sorts and filters. */
export default function Records() {
  const { account, zone: name } = useParams({ from });
  const zone = useSuspenseQuery(zoneQuery(account, name)).data;
  const [adding, setAdding] = useState(false);
  const [importing, setImporting] = useState(false);
  return (
    <Page
      title="Records"
      wide
      actions={
        <>
          <Button icon={UploadSimpleIcon} onClick={() => setImporting(true)}>
            Import
          </Button>
          <LinkButton variant="secondary" icon={DownloadSimpleIcon} href={`/client/v4/zones/${zone.id}/dns_records/export`} download={`${name}.txt`}>
            Export
          </LinkButton>
          <Button variant="primary" icon={PlusIcon} onClick={() => setAdding(true)}>
            Add record
          </Button>
        </>
      }
    >
      <Notices zone={zone} />
      {adding && (
        <Card title="Add record">
          <RecordForm zone={zone} record={null} onClose={() => setAdding(false)} />
        </Card>
      )}
      <RecordList zone={zone} />
      {importing && <ImportDialog zone={zone} onClose={() => setImporting(false)} />}
    </Page>
  );
}

function RecordList({ zone }: { zone: Schema<"Zone"> }) {
  const search = useSearch({ from });
  const navigate = useNavigate({ from: "/$account/$zone/dns/records" });
  const { page = 1, per_page = 50, order = "type", direction = "asc" } = search;
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [editing, setEditing] = useState<string | null>(null);
  const [deleting, setDeleting] = useState<Record[]>([]);
  const query = { ...search, page, per_page, order, direction };
  const records = useQuery({
    queryKey: ["records", zone.id, "page", query],
    placeholderData: keepPreviousData,
    queryFn: () => call(api.GET("/client/v4/zones/{zone_id}/dns_records", { params: { path: { zone_id: zone.id }, query } })),
  });
  useEffect(() => setSelected(new Set()), [search]);
  // Searches and filters replace each other in the history, so that Back leaves the list rather than going letter by letter.
  const go = (change: Partial<typeof search>) =>
    void navigate({ search: (s) => ({ ...s, page: undefined, ...change }), replace: change.page === undefined });
  const total = records.data?.result_info.total_count;
  const last = Math.max(1, Math.ceil((total ?? 0) / per_page));
  useEffect(() => {
    if (total !== undefined && !records.isPlaceholderData && page > last) {
      void navigate({ search: (s) => ({ ...s, page: last === 1 ? undefined : last }), replace: true });
    }
  }, [total, records.isPlaceholderData, page, last]);
  return (
    <>
      <RecordFilters search={search} onChange={go} />
      <Loaded query={records}>
        {({ result: list, result_info: info }) => (
          <>
            <div className="flex min-h-9 flex-wrap items-center justify-between gap-2">
              <span role="status" className="text-sm text-kumo-subtle">
                {selected.size > 0 ? `${counted(selected.size, "record")} selected` : counted(info.total_count, "record")}
              </span>
              {selected.size > 0 && (
                <Button variant="secondary-destructive" onClick={() => setDeleting(list.filter((r) => selected.has(r.id)))}>
                  Delete selected
                </Button>
              )}
            </div>
            {list.length === 0 ? (
              <Empty title="No records" description="Nothing here matches; add a record, or search for something else." />
            ) : (
              <RecordTable
                zone={zone}
                records={list}
                sorting={{ order, direction }}
                onSort={go}
                selected={selected}
                onSelect={setSelected}
                editing={editing}
                onEdit={setEditing}
                onDelete={setDeleting}
              />
            )}
            {info.total_count > 0 && (
              <Pagination page={page} setPage={(p) => go({ page: p })} perPage={per_page} totalCount={info.total_count}>
                <Pagination.Info />
                <Pagination.PageSize value={per_page} onChange={(n) => go({ per_page: n })} options={[25, 50, 100, 500]} />
                <Pagination.Controls />
              </Pagination>
            )}
          </>
        )}
      </Loaded>
      <DeleteRecords zone={zone} records={deleting} onClose={() => setDeleting([])} onDone={() => setSelected(new Set())} />
    </>
  );
}

/** Deletes records as one change: all of them or none. */
function DeleteRecords(props: { zone: Schema<"Zone">; records: Record[]; onClose: () => void; onDone: () => void }) {
  const { zone, records } = props;
  const remove = useAction({
    quiet: true,
    done: "Deleted",
    stale: [["records", zone.id]],
    run: () =>
      result(
        api.POST("/client/v4/zones/{zone_id}/dns_records/batch", {
          params: { path: { zone_id: zone.id } },
          body: { deletes: records.map((r) => ({ id: r.id })) },
        }),
      ),
    then: () => {
      props.onDone();
      props.onClose();
    },
  });
  const first = records[0];
  return (
    <ConfirmDialog
      open={first !== undefined}
      title={records.length === 1 ? "Delete record" : `Delete ${records.length} records`}
      text={records.length === 1 && first ? `${first.type} ${first.name} is gone at once.` : "They are deleted as one change: all of them or none."}
      submit="Delete"
      busy={remove.busy}
      error={remove.error}
      onClose={props.onClose}
      onConfirm={remove.run}
    />
  );
}
