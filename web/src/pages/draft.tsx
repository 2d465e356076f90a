import { Badge } from "@cloudflare/kumo/components/badge";
import { Button } from "@cloudflare/kumo/components/button";
import { Input, InputArea } from "@cloudflare/kumo/components/input";
import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import type { Schema } from "../api/client";
import { collectIn, useCollecting } from "../api/collect";
import { deleteDraft, draftPlanQuery, draftQuery, renameDraft, type WholeDraft } from "../api/drafts";
import { zoneQuery } from "../api/queries";
import { Parts } from "../drafts/parts";
import { PlanView } from "../drafts/plan";
import { ClashNote, Steps } from "../drafts/steps";
import { isOver, stateLine, states, whoText } from "../drafts/words";
import { useAction } from "../ui/action";
import { ConfirmDialog, FormDialog } from "../ui/dialogs";
import { counted } from "../ui/format";
import { Card, Loaded, Page } from "../ui/page";
import { readOnlyText, zoneRights } from "../ui/rights";

/** One draft: what it would do, what it is made of, who stands for it, and when it is made. */
export default function DraftPage() {
  const { account, zone: name, draft: id } = useParams({ from: "/signed-in/$account/$zone/drafts/$draft" });
  const zone = useSuspenseQuery(zoneQuery(account, name)).data;
  const draft = useQuery(draftQuery(zone.id, id));
  const d = draft.data;
  return (
    <Page title={d?.name ?? "Draft"} description={d?.note || undefined} actions={d && <Acts zone={zone} draft={d} base={`/${account}/${name}`} />}>
      <Loaded query={draft}>{(whole) => <Whole zone={zone} draft={whole} base={`/${account}/${name}`} />}</Loaded>
    </Page>
  );
}

function Whole({ zone, draft: d, base }: { zone: Schema<"Zone">; draft: WholeDraft; base: string }) {
  const over = isOver(d);
  const plan = useQuery({ ...draftPlanQuery(zone.id, d.id, d.version), enabled: !over && d.parts.length > 0 });
  const clashes = plan.data?.clashes ?? [];
  const may = zoneRights(zone).records;
  const authors = [...new Set(d.authors.map(whoText))];
  return (
    <>
      <p className="m-0 flex flex-wrap items-center gap-x-3 gap-y-1 text-sm" aria-label="State of the draft" role="group">
        <Badge appearance="dot" variant={states[d.state][0]}>
          {states[d.state][1]}
        </Badge>
        <span className="dim break-words">{stateLine(d)}</span>
        <span className="dim break-words">{authors.length > 0 ? `By ${authors.join(", ")}` : `Made by ${whoText(d.created_by)}`}</span>
      </p>
      <ClashNote count={clashes.length} />
      <Card title={over ? "Done" : "Approve and apply"}>
        <Steps draft={d} zone={zone} base={base} clashes={clashes.length} may={may} />
      </Card>
      <div className="grid items-start gap-4 xl:grid-cols-2">
        <Card title={`Parts (${d.parts.length})`} description={d.parts.length > 0 ? "In the order in which they are made." : undefined}>
          <Parts draft={d} clashes={clashes} may={may} />
        </Card>
        {!over && d.parts.length > 0 && (
          <Card title="What it would do">
            <Loaded query={plan}>
              {(p) => (clashes.length > 0 ? <p className="m-0 text-sm text-kumo-subtle">{`Nothing, as long as ${counted(clashes.length, "part")} ${clashes.length === 1 ? "clashes" : "clash"}.`}</p> : <PlanView plan={p} facesOnly />)}
            </Loaded>
          </Card>
        )}
      </div>
    </>
  );
}

function Acts({ zone, draft: d, base }: { zone: Schema<"Zone">; draft: WholeDraft; base: string }) {
  const navigate = useNavigate();
  const collecting = useCollecting(zone.id)?.id === d.id;
  const [asked, setAsked] = useState<"name" | "delete" | null>(null);
  const may = zoneRights(zone).records;
  const why = may ? undefined : readOnlyText;
  const remove = useAction({
    quiet: true,
    direct: true,
    done: "Draft deleted",
    stale: [["drafts", zone.id, "list"]],
    run: () => deleteDraft(d),
    then: () => {
      if (collecting) collectIn(zone.id, null);
      void navigate({ to: `${base}/drafts` });
    },
  });
  return (
    <>
      {!isOver(d) && (
        <>
          <Button
            disabled={!may}
            title={why}
            onClick={() => {
              collectIn(zone.id, collecting ? null : { id: d.id, name: d.name });
              if (!collecting) void navigate({ to: `${base}/dns/records` });
            }}
          >
            {collecting ? "Stop collecting" : "Collect into this draft"}
          </Button>
          <Button disabled={!may} title={why} onClick={() => setAsked("name")}>
            Rename
          </Button>
        </>
      )}
      <Button variant="secondary-destructive" disabled={!may} title={why} onClick={() => setAsked("delete")}>
        Delete draft
      </Button>
      {asked === "name" && <Rename draft={d} onClose={() => setAsked(null)} />}
      <ConfirmDialog
        open={asked === "delete"}
        title={`Delete “${d.name}”`}
        text={isOver(d) ? "What it did stays, and stands in the history." : "What was put together in it is gone. The zone stays as it is."}
        submit="Delete draft"
        busy={remove.busy}
        error={remove.error}
        onClose={() => setAsked(null)}
        onConfirm={remove.run}
      />
    </>
  );
}

function Rename({ draft: d, onClose }: { draft: WholeDraft; onClose: () => void }) {
  const [name, setName] = useState(d.name);
  const [note, setNote] = useState(d.note);
  const save = useAction({
    quiet: true,
    direct: true,
    done: "Draft renamed",
    stale: [["drafts", d.zone_id]],
    run: () => renameDraft(d, name.trim(), note.trim()),
    then: onClose,
  });
  return (
    <FormDialog open title="Name and note of the draft" submit="Save" busy={save.busy} error={save.error} disabled={name.trim() === ""} onClose={onClose} onSubmit={save.run}>
      <Input label="Name (required)" required maxLength={100} value={name} error={save.at("/name")} onChange={(e) => setName(e.target.value)} />
      <InputArea label="Note (optional)" rows={3} maxLength={2000} value={note} error={save.at("/note")} onChange={(e) => setNote(e.target.value)} />
    </FormDialog>
  );
}
