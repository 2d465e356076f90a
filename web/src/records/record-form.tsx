import { Button } from "@cloudflare/kumo/components/button";
import { Input, InputArea } from "@cloudflare/kumo/components/input";
import { Switch } from "@cloudflare/kumo/components/switch";
import { useBlocker } from "@tanstack/react-router";
import { useEffect, useRef, useState, type RefObject } from "react";
import { api, ApiError, result, type Schema } from "../api/client";
import { useAction } from "../ui/action";
import { Choice } from "../ui/choice";
import { ConfirmDialog, FormError } from "../ui/dialogs";
import { Notice } from "../ui/notice";
import { checkContent, checkField, checkName, checkPriority, checkTags, proxiable, tagRule } from "./check";
import { Conflict } from "./conflict";
import { bodyOf, changesOf, draftOf, faulty, newDraft, nextDraft, withType, type Draft } from "./draft";
import { useProxyReason } from "./proxying";
import { sentence } from "./sentence";
import { recordTypes, ttls, typeNames, type DataField } from "./types";

/** A draft that outlives its form: the row it stands in may go while somebody types. */
export type Kept = RefObject<Draft | null>;

type Props = { zone: Schema<"Zone">; record: Schema<"Record"> | null; kept?: Kept; gone?: boolean; /** What is shown of it is in a draft, which has no version of one record. */ inDraft?: boolean; onClose: () => void };
type Edit = (change: Partial<Draft>) => void;
type Told = (pointer: string) => string | undefined;

/** What an edit starts from: what was seen when the form opened, and the version that it is known to go over. */
type Ground = { seen: Schema<"Record">; over: Schema<"Record"> };

/** Changes a record as far as the form differs from what was seen, or adds one; both can be taken back. */
function useSave({ zone, record, inDraft, onClose, onSaved }: Props & { onSaved: () => void }, draft: Draft) {
  const path = { zone_id: zone.id };
  const one = (id: string) => ({ ...path, dns_record_id: id });
  const patch = (r: Schema<"Record">, body: Schema<"RecordPatch">) =>
    result(
      api.PATCH("/client/v4/zones/{zone_id}/dns_records/{dns_record_id}", {
        params: { path: one(r.id), header: { "If-Match": inDraft ? "*" : `"${r.modified_on}"` } },
        body,
      }),
    );
  return useAction({
    quiet: true,
    done: record ? "Record saved" : "Record added",
    stale: [["records", zone.id]],
    run: async (g: Ground | null) => {
      const made = await (g
        ? patch(g.over, changesOf(draftOf(g.seen, zone.name), draft))
        : result(api.POST("/client/v4/zones/{zone_id}/dns_records", { params: { path }, body: bodyOf(draft) })));
      onSaved(); // what is on its way from now on is the list alone: leaving loses nothing
      return made;
    },
    undoIn: zone.id,
    then: onClose,
  });
}

/** The form of a record: a new one, or one that is edited in its place. */
export function RecordForm(props: Props) {
  const { zone, record, kept, onClose: close } = props;
  const first = useRef<Draft>(record ? draftOf(record, zone.name) : newDraft());
  const [draft, setDraft] = useState<Draft>(() => kept?.current ?? first.current);
  const [ground, setGround] = useState<Ground | null>(record && { seen: record, over: record });
  const edit: Edit = (change) => setDraft((d) => ({ ...d, ...change }));
  const dirty = JSON.stringify(draft) !== JSON.stringify(first.current);
  if (kept) kept.current = dirty ? draft : null;
  const leaving = useRef(false);
  const another = useRef(false);
  const form = useRef<HTMLFormElement>(null);
  const onClose = () => {
    leaving.current = true;
    if (kept) kept.current = null;
    close();
  };
  /** After a save: the end, or the next record, which begins at its name. */
  const onDone = () => {
    if (!another.current) return onClose();
    leaving.current = false;
    first.current = nextDraft(draft);
    setDraft(first.current);
    form.current?.querySelector<HTMLElement>('input[name="name"]')?.focus();
  };
  const save = useSave({ ...props, onClose: onDone, onSaved: () => (leaving.current = true) }, draft);
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) => dirty && !leaving.current && current.pathname !== next.pathname,
    enableBeforeUnload: () => dirty && !leaving.current,
    withResolver: true,
  });
  const reason = useProxyReason(zone);
  const lost = props.gone || (save.error instanceof ApiError && save.error.status === 404);
  useEffect(() => {
    form.current?.querySelector<HTMLElement>(record ? "input:not([disabled])" : "button, input")?.focus();
  }, []);
  return (
    <form
      ref={form}
      onKeyDown={(e) => {
        if (e.key !== "Escape" || e.defaultPrevented) return;
        e.preventDefault();
        onClose();
      }}
      aria-label={record ? `Edit ${record.type} ${record.name}` : "Add record"}
      className="flex flex-col gap-4"
      onSubmit={(e) => {
        e.preventDefault();
        if (record && !dirty && !lost) onClose();
        else save.run(lost ? null : ground);
      }}
    >
      {lost ? (
        <Notice variant="alert" title="This record is not in the list any more" description="It may have been deleted. What you typed is kept; save it as a new record, or cancel." />
      ) : ground && save.error instanceof ApiError && save.error.status === 412 ? (
        <Conflict
          zone={zone}
          seen={ground.seen}
          draft={draft}
          onMine={(theirs) => {
            const next = { seen: ground.seen, over: theirs };
            setGround(next);
            save.run(next);
          }}
          onTheirs={(theirs) => {
            setGround({ seen: theirs, over: theirs });
            first.current = draftOf(theirs, zone.name);
            setDraft(first.current);
            save.reset();
          }}
        />
      ) : (
        <FormError error={save.error} />
      )}
      <div className="grid items-start gap-4 sm:grid-cols-2 lg:grid-cols-4">
        <Choice
          label="Type"
          value={draft.type}
          options={[...new Set([...typeNames, draft.type])].map((t) => [t, t] as const)}
          disabled={record !== null}
          onChange={(type) => setDraft(withType(draft, type))}
        />
        <Input
          label="Name (required)"
          placeholder="@ for the zone itself"
          required
          autoComplete="off"
          name="name"
          value={draft.name}
          error={checkName(draft.name, zone.name) ?? save.at("/name")}
          onChange={(e) => edit({ name: e.target.value })}
        />
        <Contents draft={draft} edit={edit} told={save.at} />
        {recordTypes[draft.type]?.data && (
          <div className="grid items-start gap-4 sm:col-span-2 sm:grid-cols-2 lg:col-span-4 lg:grid-cols-4">
            <Data draft={draft} edit={edit} told={save.at} />
          </div>
        )}
        <Choice
          label="TTL"
          value={draft.proxied ? "1" : draft.ttl}
          disabled={draft.proxied}
          options={ttls.some(([v]) => v === draft.ttl) ? ttls : [...ttls, [draft.ttl, `${draft.ttl} s`] as const]}
          error={save.at("/ttl")}
          onChange={(ttl) => edit({ ttl })}
        />
        {proxiable(draft.type) && (
          <div className="sm:pt-8">
            <Switch
              label={draft.proxied ? "Proxied" : "DNS only"}
              checked={draft.proxied}
              disabled={reason !== undefined && !draft.proxied}
              onCheckedChange={(proxied) => edit({ proxied })}
            />
            {reason && !draft.proxied && <p className="mt-1 mb-0 text-sm text-kumo-subtle">{reason}</p>}
          </div>
        )}
      </div>
      <div className="grid items-start gap-4 sm:grid-cols-2">
        <Input label="Comment" value={draft.comment} error={save.at("/comment")} onChange={(e) => edit({ comment: e.target.value })} />
        <Input
          label="Tags"
          placeholder="name:value, name:value"
          description={tagRule}
          value={draft.tags.join(", ")}
          error={checkTags(draft.tags) ?? save.at("/tags") ?? draft.tags.map((_, i) => save.at(`/tags/${i}`)).find(Boolean)}
          onChange={(e) => edit({ tags: e.target.value.split(/,\s?/) })}
          onBlur={() => edit({ tags: draft.tags.map((t) => t.trim()).filter((t) => t !== "") })}
        />
      </div>
      <div className="flex flex-wrap items-center justify-end gap-2">
        <p className="m-0 min-w-0 flex-1 text-sm break-words text-kumo-subtle" aria-live="polite">
          {sentence(draft, zone.name)}
        </p>
        <Button type="button" onClick={onClose}>
          Cancel
        </Button>
        {!record && (
          <Button
            type="button" // Enter saves and closes: it takes the first button that submits
            disabled={save.busy || faulty(draft, zone.name)}
            onClick={() => {
              another.current = true;
              form.current?.requestSubmit();
            }}
          >
            Save and add another
          </Button>
        )}
        <Button type="submit" variant="primary" loading={save.busy} disabled={faulty(draft, zone.name)} onClick={() => (another.current = false)}>
          {lost ? "Add it again" : "Save"}
        </Button>
      </div>
      <ConfirmDialog
        open={blocker.status === "blocked"}
        title="Leave this form?"
        text="What you typed in it is not saved yet."
        submit="Leave"
        onClose={() => blocker.reset?.()}
        onConfirm={() => blocker.proceed?.()}
      />
    </form>
  );
}

/** The fields that depend on the type. */
function Contents({ draft, edit, told }: { draft: Draft; edit: Edit; told: Told }) {
  const type = recordTypes[draft.type];
  const content = type ? type.content : { label: "Content", placeholder: "", long: true };
  const error = checkContent(draft.type, draft.content) ?? told("/content");
  return (
    <>
      {type?.priority && (
        <Input
          label="Priority"
          inputMode="numeric"
          required
          value={draft.priority}
          error={checkPriority(draft.priority) ?? told("/priority")}
          onChange={(e) => edit({ priority: e.target.value })}
        />
      )}
      {content && !content.long && (
        <Input
          label={`${content.label} (required)`}
          placeholder={content.placeholder}
          required
          autoComplete="off"
          value={draft.content}
          error={error}
          onChange={(e) => edit({ content: e.target.value })}
        />
      )}
      {content?.long && (
        <div className="sm:col-span-2">
          <InputArea
            label={`${content.label} (required)`}
            placeholder={content.placeholder}
            required
            rows={2}
            value={draft.content}
            error={error}
            onChange={(e) => edit({ content: e.target.value })}
          />
        </div>
      )}
    </>
  );
}

/** The members of data, in rows of their own. */
function Data({ draft, edit, told }: { draft: Draft; edit: Edit; told: Told }) {
  return recordTypes[draft.type]?.data?.map((f) => (
    <Field key={f.member} field={f} value={draft.data[f.member] ?? ""} error={told(`/data/${f.member}`)} onChange={(v) => edit({ data: { ...draft.data, [f.member]: v } })} />
  ));
}

function Field(props: { field: DataField; value: string; error?: string; onChange: (value: string) => void }) {
  const { field, value } = props;
  if (field.kind === "choice") {
    const options = [...new Set([...(field.options ?? []), value])].map((o) => [o, o] as const);
    return <Choice label={field.label} value={value} options={options} error={props.error} onChange={props.onChange} />;
  }
  return (
    <div className={field.wide ? "sm:col-span-2" : undefined}>
      <Input
        // What has to be typed says so; what comes filled, or may stay empty, needs no mark.
        label={field.optional || field.preset !== undefined ? field.label : `${field.label} (required)`}
        placeholder={field.placeholder}
        inputMode={field.kind === "number" ? "decimal" : "text"}
        required={field.optional ? undefined : true}
        autoComplete="off"
        value={value}
        error={checkField(field, value) ?? props.error}
        onChange={(e) => props.onChange(e.target.value)}
      />
    </div>
  );
}
