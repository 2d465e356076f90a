import { Button } from "@cloudflare/kumo/components/button";
import { InputArea } from "@cloudflare/kumo/components/input";
import { useState } from "react";
import type { Schema } from "../api/client";
import { exportKey, importKey, type SigningKey } from "../api/dnssec";
import { useAction } from "../ui/action";
import { FormDialog, InfoDialog } from "../ui/dialogs";
import { saveFile } from "../ui/save-file";

/** Takes in a key in BIND's format: two files, or their texts. */
export function ImportKeyDialog({ zone, onClose }: { zone: Schema<"Zone">; onClose: () => void }) {
  const [text, setText] = useState({ public: "", private: "" });
  const load = useAction({ quiet: true, done: "Key imported", stale: [["dnssec", zone.id]], run: () => importKey(zone.id, text), then: onClose });
  const take = async (files: File[]) => {
    for (const file of files) {
      const content = await file.text();
      setText((t) => (/^Private-key-format:/m.test(content) ? { ...t, private: content } : { ...t, public: content }));
    }
  };
  return (
    <FormDialog
      open
      onClose={onClose}
      title="Import a key"
      description={`A key of ${zone.name} in BIND's format. It takes the place of the present key of its role, by a roll.`}
      submit="Import key"
      busy={load.busy}
      error={load.error}
      disabled={text.public.trim() === "" || text.private.trim() === ""}
      onSubmit={load.run}
    >
      <label className="flex flex-col gap-1 text-sm font-medium">
        Both files, K….key and K….private
        <input
          type="file"
          multiple
          accept=".key,.private"
          className="text-sm font-normal"
          onChange={(e) => {
            void take([...(e.target.files ?? [])]);
            e.target.value = ""; // or choosing the same files again, mended, would change nothing
          }}
        />
      </label>
      <InputArea
        label="Public: the text of K….key"
        rows={2}
        autoComplete="off"
        spellCheck={false}
        value={text.public}
        error={load.at("/public")}
        onChange={(e) => setText({ ...text, public: e.target.value })}
      />
      <InputArea
        label="Private: the text of K….private"
        rows={5}
        autoComplete="off"
        spellCheck={false}
        value={text.private}
        error={load.at("/private")}
        onChange={(e) => setText({ ...text, private: e.target.value })}
      />
    </FormDialog>
  );
}

/** Gives out a private key, after saying what that means. */
export function ExportDialog(props: { zone: Schema<"Zone">; item: SigningKey; name: string; onClose: () => void }) {
  const take = useAction({ quiet: true, run: () => exportKey(props.zone.id, props.item.id), then: (files) => setFiles(files) });
  const [files, setFiles] = useState<Awaited<ReturnType<typeof exportKey>> | null>(null);
  if (files !== null) {
    return (
      <InfoDialog open onClose={props.onClose} title={`Export ${props.name}`} description="Two files in BIND's format. Keep the private one as you keep passwords.">
        <div className="flex flex-wrap gap-2">
          <Button onClick={() => saveFile(`${files.name}.key`, files.key)}>{`Save ${files.name}.key`}</Button>
          <Button onClick={() => saveFile(`${files.name}.private`, files.private)}>{`Save ${files.name}.private`}</Button>
        </div>
      </InfoDialog>
    );
  }
  return (
    <FormDialog
      open
      onClose={props.onClose}
      title={`Export ${props.name}`}
      description={`Whoever has the private key can sign answers of ${props.zone.name} that everybody believes. That you took it stands in the audit log.`}
      submit="Show the key files"
      busy={take.busy}
      error={take.error}
      onSubmit={take.run}
    />
  );
}
