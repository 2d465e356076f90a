import { DropdownMenu } from "@cloudflare/kumo/components/dropdown";
import { Button } from "@cloudflare/kumo/components/button";
import { Input, InputArea } from "@cloudflare/kumo/components/input";
import { NotePencilIcon } from "@phosphor-icons/react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Schema } from "../api/client";
import { collectIn, led, useCollecting, useLeading, type Collecting } from "../api/collect";
import { createDraft, draftsQuery, type WholeDraft } from "../api/drafts";
import { useAction } from "../ui/action";
import { Choice } from "../ui/choice";
import { FormDialog } from "../ui/dialogs";
import { readOnlyText } from "../ui/rights";
import { isOver } from "./words";

type Zone = Schema<"Zone">;

/** Makes a draft. */
export function NewDraft(props: { zone: Zone; onClose: () => void; onMade: (d: WholeDraft) => void }) {
  const [name, setName] = useState("");
  const [note, setNote] = useState("");
  const make = useAction({
    quiet: true,
    direct: true,
    stale: [["drafts", props.zone.id]],
    run: () => createDraft(props.zone.id, name.trim(), note.trim()),
    then: (d) => {
      props.onClose();
      props.onMade(d);
    },
  });
  return (
    <FormDialog open title="New draft" description="Changes are put together in it, looked at, and made all at once." submit="Make draft" busy={make.busy} error={make.error} disabled={name.trim() === ""} onClose={props.onClose} onSubmit={make.run}>
      <Input label="Name (required)" required maxLength={100} autoComplete="off" placeholder="New mail server" value={name} error={make.at("/name")} onChange={(e) => setName(e.target.value)} />
      <InputArea label="Note (optional)" rows={2} maxLength={2000} value={note} error={make.at("/note")} onChange={(e) => setNote(e.target.value)} />
    </FormDialog>
  );
}

const fresh = "";

/** Where four eyes have refused a change: it goes into a draft, and so do those that follow. */
export function LeadToDraft({ zone }: { zone: Zone }) {
  return useLeading(zone.id) ? <Lead zone={zone} /> : null;
}

function Lead({ zone }: { zone: Zone }) {
  const drafts = (useQuery(draftsQuery(zone.id)).data ?? []).filter((d) => !isOver(d));
  const [chosen, setChosen] = useState<string | null>(null);
  const [name, setName] = useState("");
  const id = chosen ?? drafts[0]?.id ?? fresh;
  const go = useAction({
    quiet: true,
    direct: true,
    stale: [["drafts", zone.id]],
    run: async (): Promise<Collecting> => drafts.find((d) => d.id === id) ?? (await createDraft(zone.id, name.trim(), "")),
    then: (d) => {
      collectIn(zone.id, { id: d.id, name: d.name });
      led(zone.id, true);
    },
  });
  return (
    <FormDialog
      open
      title="This zone is changed by approved drafts"
      description="Your change is put into a draft. It is made when somebody who has no part in the draft, and has taken no part of somebody else's out, has approved it."
      submit="Put into the draft"
      busy={go.busy}
      error={go.error}
      disabled={id === fresh && name.trim() === ""}
      onClose={() => led(zone.id, false)}
      onSubmit={go.run}
    >
      {drafts.length > 0 && <Choice label="Draft" value={id} options={[...drafts.map((d) => [d.id, d.name] as const), [fresh, "A new one"]]} onChange={setChosen} />}
      {id === fresh && <Input label="Name of the draft (required)" required maxLength={100} autoComplete="off" value={name} onChange={(e) => setName(e.target.value)} />}
    </FormDialog>
  );
}

/** Whether changes of the zone are made, or go into a draft, and which. */
export function CollectChoice({ zone, may }: { zone: Zone; may: boolean }) {
  const collecting = useCollecting(zone.id);
  const [open, setOpen] = useState(false);
  const [making, setMaking] = useState(false);
  const drafts = useQuery({ ...draftsQuery(zone.id), enabled: open }).data?.filter((d) => !isOver(d)) ?? [];
  const mark = (text: string, on: boolean) => (on ? `${text} ✓` : text);
  return (
    <>
      <DropdownMenu open={open} onOpenChange={setOpen}>
        <DropdownMenu.Trigger render={<Button variant="ghost" icon={NotePencilIcon} disabled={!may} title={may ? undefined : readOnlyText} aria-label="Collect changes into a draft" />}>Draft</DropdownMenu.Trigger>
        <DropdownMenu.Content>
          <DropdownMenu.Item onClick={() => collectIn(zone.id, null)}>{mark("Make changes at once", collecting === null)}</DropdownMenu.Item>
          {drafts.length > 0 && <DropdownMenu.Separator />}
          {drafts.map((d) => (
            <DropdownMenu.Item key={d.id} onClick={() => collectIn(zone.id, { id: d.id, name: d.name })}>
              {mark(`Collect into “${d.name}”`, collecting?.id === d.id)}
            </DropdownMenu.Item>
          ))}
          <DropdownMenu.Separator />
          <DropdownMenu.Item onClick={() => setMaking(true)}>Collect into a new draft</DropdownMenu.Item>
        </DropdownMenu.Content>
      </DropdownMenu>
      {making && <NewDraft zone={zone} onClose={() => setMaking(false)} onMade={(d) => collectIn(zone.id, { id: d.id, name: d.name })} />}
    </>
  );
}
