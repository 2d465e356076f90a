import { Button } from "@cloudflare/kumo/components/button";
import { Empty } from "@cloudflare/kumo/components/empty";
import { Pagination } from "@cloudflare/kumo/components/pagination";
import { DownloadSimpleIcon, PlusIcon, UploadSimpleIcon } from "@phosphor-icons/react";
import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useEffect, useMemo, useRef, useState } from "react";
import type { Schema } from "../api/client";
import { zoneQuery } from "../api/queries";
import { useCollecting } from "../api/collect";
import { CollectChoice } from "../drafts/choose";
import type { Draft } from "../records/draft";
import { ImportDialog } from "../records/import";
import { ShownDraft, useShownDraft, withMarks } from "../records/in-draft";
import { Notices } from "../records/notices";
import { RecordFilters } from "../records/filters";
import { RecordForm } from "../records/record-form";
import { DeleteRecords } from "../records/delete";
import { fullQuery, recordsQuery } from "../records/list-query";
import { Picks } from "../records/picks";
import { RecordTable } from "../records/record-table";
import { SelectionBar } from "../records/selection";
import { DownloadLink } from "../ui/download";
import { Card, Loaded, Page, Skeleton } from "../ui/page";
import { readOnlyText, zoneRights } from "../ui/rights";

const from = "/signed-in/$account/$zone/dns/records";
type Record = Schema<"Record">;

/** Zone > DNS > Records. What it shows is in the address; the server pages, sorts and filters. */
export default function Records() {
  const { account, zone: name } = useParams({ from });
  const zone = useSuspenseQuery(zoneQuery(account, name)).data;
  const may = zoneRights(zone).records;
  const why = may ? undefined : readOnlyText;
  const { add: adding = false } = useSearch({ from });
  const navigate = useNavigate({ from: "/$account/$zone/dns/records" });
  const adder = useRef<HTMLButtonElement>(null);
  const was = useRef(adding);
  useEffect(() => {
    if (was.current && !adding) adder.current?.focus();
    was.current = adding;
  }, [adding]);
  const setAdding = (on: boolean) => void navigate({ search: (s) => ({ ...s, add: on || undefined }), replace: true });
  const [importing, setImporting] = useState(false);
  return (
    <Page
      title="Records"
      actions={
        <>
          <CollectChoice zone={zone} may={may} />
          <Button icon={UploadSimpleIcon} disabled={!may} title={why} onClick={() => setImporting(true)}>
            Import
          </Button>
          <DownloadLink icon={DownloadSimpleIcon} href={`/client/v4/zones/${zone.id}/dns_records/export`} name={`${name}.txt`}>
            Export
          </DownloadLink>
          <Button ref={adder} aria-label="Add record" variant="primary" icon={PlusIcon} disabled={!may} title={why} onClick={() => setAdding(true)}>
            Add record
          </Button>
        </>
      }
    >
      <Notices zone={zone} />
      {adding && may && (
        <Card title="Add record">
          <RecordForm zone={zone} record={null} onClose={() => setAdding(false)} />
        </Card>
      )}
      <RecordList zone={zone} />
      {importing && <ImportDialog zone={zone} onClose={() => setImporting(false)} />}
    </Page>
  );
}

/** Brings the keyboard to the row after those that go, once the dialog is closed and they are gone. */
function focusNext(list: Record[], gone: Record[]): void {
  const ids = new Set(gone.map((r) => r.id));
  const end = list.findLastIndex((r) => ids.has(r.id));
  const next = list[end + 1] ?? list.findLast((r) => !ids.has(r.id));
  setTimeout(() => document.querySelector<HTMLElement>(`[data-edit="${next?.id}"]`)?.focus(), 300);
}

function RecordList({ zone }: { zone: Schema<"Zone"> }) {
  const search = useSearch({ from });
  const navigate = useNavigate({ from: "/$account/$zone/dns/records" });
  const query = fullQuery(search);
  const { page, per_page, order, direction } = query;
  const [picks] = useState(() => new Picks());
  const [editing, setEditing] = useState<Record | null>(null);
  const [deleting, setDeleting] = useState<Record[]>([]);
  const kept = useRef<Draft | null>(null);
  const { draft, marks } = useShownDraft(zone.id, search.draft);
  const collecting = useCollecting(zone.id);
  const readOnly = !zoneRights(zone).records;
  const records = useQuery(recordsQuery(zone, query));
  // Another page leaves the selection, other filters do not: it would hold what nobody sees.
  useEffect(() => picks.set(new Map()), [search.search, search.type, search.proxied]);
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
  const close = () => {
    setEditing(null);
    kept.current = null;
  };
  const shown = useMemo(() => withMarks(records.data?.result ?? [], marks, search), [records.data, marks, search]);
  const away = editing !== null && records.data !== undefined && !shown.some((r) => r.id === editing.id);
  return (
    <div className="flex flex-col gap-2">
      <RecordFilters search={search} onChange={go} />
      <ShownDraft
        zone={zone}
        draft={draft}
        marks={marks}
        chosen={search.draft}
        may={!readOnly}
        onShow={(d) => void navigate({ search: (s) => ({ ...s, draft: d }), replace: true })}
      />
      {away && (
        <Card title={`${editing.type} ${editing.name}`}>
          <RecordForm zone={zone} record={editing} kept={kept} gone onClose={close} />
        </Card>
      )}
      <Loaded query={records} waiting={<Skeleton />}>
        {({ result_info: info }) => (
          <>
            <SelectionBar
              zone={zone}
              query={query}
              total={info.total_count}
              list={shown.filter((r) => !marks.has(r.id))}
              skip={marks}
              picks={picks}
              onDelete={setDeleting}
            />
            {shown.length === 0 ? (
              <Empty title="No records" description="Nothing here matches; add a record, or search for something else." />
            ) : (
              <RecordTable
                zone={zone}
                records={shown}
                marks={marks}
                draft={draft?.id === collecting?.id ? draft : null}
                sorting={{ order, direction }}
                onSort={go}
                picks={picks}
                editing={editing?.id ?? null}
                onEdit={(id) => (id === null ? close() : setEditing(shown.find((r) => r.id === id) ?? null))}
                onDelete={setDeleting}
                kept={kept}
                readOnly={readOnly}
              />
            )}
            {info.total_count > 0 && (
              <div className="pager">
                <Pagination page={page} setPage={(p) => go({ page: p })} perPage={per_page} totalCount={info.total_count}>
                  <Pagination.Info />
                  <Pagination.PageSize value={per_page} onChange={(n) => go({ per_page: n })} options={[25, 50, 100, 500]} />
                  <Pagination.Controls />
                </Pagination>
              </div>
            )}
          </>
        )}
      </Loaded>
      <DeleteRecords
        zone={zone}
        records={deleting}
        onClose={() => setDeleting([])}
        onDone={() => {
          picks.set(new Map());
          focusNext(records.data?.result ?? [], deleting);
        }}
      />
    </div>
  );
}
