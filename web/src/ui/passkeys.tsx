import { Button } from "@cloudflare/kumo/components/button";
import { Input } from "@cloudflare/kumo/components/input";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, result, type Schema } from "../api/client";
import { makePasskey, passkeyTrouble, stopAsking } from "../api/passkey";
import { readSession } from "../api/session";
import { useAction } from "./action";
import { DataTable } from "./data-table";
import { ConfirmDialog, FormDialog } from "./dialogs";
import { ago, moment } from "./format";
import { Notice } from "./notice";
import { Card, Loaded } from "./page";
import { factorQuery, useProof } from "./proof";
import { waysQuery } from "./provider";
import { RecoveryCodes } from "./recovery-codes";

type Passkey = Schema<"Passkey">;

const stale = [["user"], ["session"]];

/** The user's passkeys; nothing where the server has none and he has none. */
export function PasskeysCard(props: { email: string }) {
  const ways = useQuery(waysQuery).data;
  const list = useQuery({ queryKey: ["user", "passkeys"], queryFn: () => result(api.GET("/headwater/v1/user/passkeys")) });
  const [open, setOpen] = useState<"add" | Passkey | null>(null);
  // Shown once, whatever becomes of the dialog that they came by.
  const [codes, setCodes] = useState<string[] | null>(null);
  if (ways === undefined || (!ways.passkey && (list.data ?? []).length === 0)) return null;
  const trouble = ways.passkey ? passkeyTrouble() : "This server takes none at the moment.";
  const close = () => {
    stopAsking();
    setOpen(null);
  };
  return (
    <Card
      title="Passkeys"
      description="Security keys, telephones, password managers. One does in place of a code; one that asks for your PIN, finger or face signs you in by itself."
      actions={
        trouble === null && (
          <Button size="sm" onClick={() => setOpen("add")}>
            Add a passkey
          </Button>
        )
      }
    >
      <div className="flex flex-col gap-4">
        {trouble !== null && <Notice variant="default" title="No passkeys can be added here" description={trouble} />}
        {codes !== null && <RecoveryCodes codes={codes} onDone={() => setCodes(null)} />}
        <Loaded query={list}>
          {(keys) =>
            keys.length === 0 ? (
              <p className="m-0 text-sm text-kumo-subtle">You have none yet.</p>
            ) : (
              <DataTable
                label="Your passkeys"
                rows={keys}
                id={(k) => k.id}
                columns={[
                  { head: "Name", className: "break-words", cell: (k) => k.name },
                  { head: "Added", named: true, cell: (k) => moment(k.created_on) },
                  { head: "Last used", named: true, cell: (k) => (k.last_used_on === null ? "Never" : ago(k.last_used_on)) },
                  {
                    head: "Actions",
                    cell: (k) => (
                      <Button size="sm" aria-label={`Remove ${k.name}`} onClick={() => setOpen(k)}>
                        Remove
                      </Button>
                    ),
                  },
                ]}
              />
            )
          }
        </Loaded>
      </div>
      {open === "add" && <Add email={props.email} onCodes={setCodes} onClose={close} />}
      {open !== null && open !== "add" && <Remove email={props.email} passkey={open} onClose={close} />}
    </Card>
  );
}

function Add(props: { email: string; onCodes: (codes: string[]) => void; onClose: () => void }) {
  const [name, setName] = useState("");
  const [asked, setAsked] = useState<Schema<"PasskeyOptions"> | null>(null);
  const proof = useProof({ email: props.email, label: "Your password" });
  const add = useAction({
    quiet: true,
    done: "Passkey added",
    stale,
    run: async () => {
      // Who was let on and then cancelled in the browser is not asked for another code: what the server asks does for five minutes.
      const begun = asked ?? (await proof.show((body) => result(api.POST("/headwater/v1/user/passkeys", { body }))));
      setAsked(begun);
      const passkey = await makePasskey(begun.public_key);
      setAsked(null);
      const out = await result(api.PUT("/headwater/v1/user/passkeys", { body: { name: name.trim(), passkey } }));
      if (out.recovery_codes.length > 0) props.onCodes(out.recovery_codes);
      await readSession(); // a first second factor gives it a new name
    },
    then: props.onClose,
  });
  return (
    <FormDialog
      open
      onClose={props.onClose}
      title="Add a passkey"
      description="The browser asks for the key, telephone or password manager that is to keep it."
      submit={asked === null ? "Add" : "Ask again"}
      busy={add.busy}
      error={add.at("/name") === undefined ? add.error : null}
      onSubmit={add.run}
    >
      <Input
        label="Name"
        description="By which you know it, such as “Blue key” or “Telephone”."
        required
        pattern=".*\S.*"
        maxLength={100}
        value={name}
        error={add.at("/name")}
        onChange={(e) => setName(e.target.value)}
      />
      {asked === null && proof.fields}
    </FormDialog>
  );
}

function Remove(props: { email: string; passkey: Passkey; onClose: () => void }) {
  const factor = useQuery(factorQuery).data;
  const proof = useProof({ email: props.email, label: "Your password" });
  const remove = useAction({
    quiet: true,
    done: "Passkey removed",
    stale,
    run: () =>
      proof.show(async (body) => {
        await result(api.POST("/headwater/v1/user/passkeys/{passkey_id}/remove", { params: { path: { passkey_id: props.passkey.id } }, body }));
        await readSession();
      }),
    then: props.onClose,
  });
  const last = factor !== undefined && !factor.enabled && factor.passkeys === 1;
  return (
    <ConfirmDialog
      open
      onClose={props.onClose}
      title="Remove passkey"
      text={
        <>
          {props.passkey.name} opens nothing any more, and all your other sessions end.
          {last && " It is your last second factor: you sign in by the password alone then, and recovery codes go with it."}
        </>
      }
      submit="Remove"
      busy={remove.busy}
      error={remove.error}
      onConfirm={remove.run}
    >
      {proof.fields}
    </ConfirmDialog>
  );
}
