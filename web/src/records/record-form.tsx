import { Button } from "@cloudflare/kumo/components/button";
import { Input, InputArea } from "@cloudflare/kumo/components/input";
import { Switch } from "@cloudflare/kumo/components/switch";
import { useEffect, useRef, useState } from "react";
import { api, result, type Schema } from "../api/client";
import { useAction } from "../ui/action";
import { Choice } from "../ui/choice";
import { FormError } from "../ui/dialogs";
import { checkContent, checkField, checkPriority, proxiable } from "./check";
import { bodyOf, draftOf, faulty, newDraft, withType, type Draft } from "./draft";
import { recordTypes, ttls, typeNames, type DataField } from "./types";

type Props = { zone: Schema<"Zone">; record: Schema<"Record"> | null; onClose: () => void };
type Edit = (change: Partial<Draft>) => void;
type Told = (pointer: string) => string | undefined;

/** The form of a record: a new one, or one that is edited in its place. */
export function RecordForm({ zone, record, onClose }: Props) {
  const [draft, setDraft] = useState<Draft>(() => (record ? draftOf(record, zone.name) : newDraft()));
  const edit: Edit = (change) => setDraft((d) => ({ ...d, ...change }));
  const save = useAction({
    quiet: true,
    done: record ? "Record saved" : "Record added",
    stale: [["records", zone.id]],
    run: () => {
      const body = bodyOf(draft);
      const path = { zone_id: zone.id };
      return record
        ? result(api.PUT("/client/v4/zones/{zone_id}/dns_records/{dns_record_id}", { params: { path: { ...path, dns_record_id: record.id } }, body }))
        : result(api.POST("/client/v4/zones/{zone_id}/dns_records", { params: { path }, body }));
    },
    then: onClose,
  });
  const form = useRef<HTMLFormElement>(null);
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
        save.run();
      }}
    >
      <FormError error={save.error} />
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
          value={draft.name}
          error={save.at("/name")}
          onChange={(e) => edit({ name: e.target.value })}
        />
        <Contents draft={draft} edit={edit} told={save.at} />
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
              onCheckedChange={(proxied) => edit({ proxied })}
            />
          </div>
        )}
      </div>
      <div className="grid items-start gap-4 sm:grid-cols-2">
        <Input label="Comment" value={draft.comment} error={save.at("/comment")} onChange={(e) => edit({ comment: e.target.value })} />
        <Input
          label="Tags"
          placeholder="name:value, name:value"
          value={draft.tags.join(", ")}
          error={save.at("/tags")}
          onChange={(e) => edit({ tags: e.target.value.split(/,\s?/) })}
          onBlur={() => edit({ tags: draft.tags.map((t) => t.trim()).filter((t) => t !== "") })}
        />
      </div>
      <div className="flex justify-end gap-2">
        <Button type="button" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" variant="primary" loading={save.busy} disabled={faulty(draft)}>
          Save
        </Button>
      </div>
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
      {type?.data?.map((f) => (
        <Field key={f.member} field={f} value={draft.data[f.member] ?? ""} error={told(`/data/${f.member}`)} onChange={(v) => edit({ data: { ...draft.data, [f.member]: v } })} />
      ))}
    </>
  );
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
        label={field.label}
        placeholder={field.placeholder}
        inputMode={field.kind === "number" ? "decimal" : "text"}
        required={!field.optional}
        autoComplete="off"
        value={value}
        error={checkField(field, value) ?? props.error}
        onChange={(e) => props.onChange(e.target.value)}
      />
    </div>
  );
}
