import { Button } from "@cloudflare/kumo/components/button";
import { ClipboardText } from "@cloudflare/kumo/components/clipboard-text";
import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { api, result, type Schema } from "../api/client";
import { sessionQuery } from "../api/queries";
import { readSession } from "../api/session";
import { useAction } from "./action";
import { FormError } from "./dialogs";
import { counted, moment } from "./format";
import { Notice } from "./notice";
import { Card, Loaded } from "./page";
import { CodeInput, factorQuery, hasFactor, useProof } from "./proof";
import { RecoveryCodes } from "./recovery-codes";

const stale = [["user"], ["session"]];

type Doing = "set-up" | "codes" | "remove";

/** The second factor: an authenticator for codes, and recovery codes. Passkeys have a card of their own. */
export function FactorCard(props: { email: string }) {
  const factor = useQuery(factorQuery);
  const locked = useQuery(sessionQuery).data?.locked_accounts ?? [];
  const [doing, setDoing] = useState<Doing | null>(null);
  // Shown once, whatever becomes of the forms that asked for them.
  const [codes, setCodes] = useState<string[] | null>(null);
  const end = () => setDoing(null);
  return (
    <Card title="Second factor" description="A passkey, or a code of an authenticator, asked for beside your password. API tokens and the Global API Key need none.">
      <div className="flex flex-col gap-4">
        {locked.length > 0 && (
          <Notice
            variant="alert"
            title={`${locked.map((a) => a.name).join(", ")}: closed to you until you have a second factor`}
            description="Members are asked for one there. Set up an authenticator here, or add a passkey."
          />
        )}
        {codes !== null && <RecoveryCodes codes={codes} onDone={() => setCodes(null)} />}
        <Loaded query={factor}>
          {(f) => (
            <>
              <p className="m-0 text-sm">
                {f.enabled ? `Authenticator: on since ${moment(f.enabled_on)}.` : "Authenticator: none."}
                {hasFactor(f) && ` ${counted(f.recovery_codes_left, "recovery code")} left.`}
              </p>
              {doing === null && (
                <div className="flex flex-wrap gap-2">
                  {!f.enabled && <Button onClick={() => setDoing("set-up")}>Set up an authenticator</Button>}
                  {hasFactor(f) && <Button onClick={() => setDoing("codes")}>New recovery codes</Button>}
                  {f.enabled && (
                    <Button variant="destructive" onClick={() => setDoing("remove")}>
                      Take the authenticator away
                    </Button>
                  )}
                </div>
              )}
              {doing === "set-up" && <SetUp email={props.email} onCodes={setCodes} onEnd={end} />}
              {(doing === "codes" || doing === "remove") && <Change doing={doing} email={props.email} factor={f} onCodes={setCodes} onEnd={end} />}
            </>
          )}
        </Loaded>
      </div>
    </Card>
  );
}

function Form(props: { onSubmit: () => void; error: Error | null; submit: string; destructive?: boolean; busy: boolean; onCancel: () => void; children: ReactNode }) {
  return (
    <form
      className="flex max-w-md flex-col gap-4"
      onSubmit={(e) => {
        e.preventDefault();
        props.onSubmit();
      }}
    >
      <FormError error={props.error} />
      {props.children}
      <div className="flex flex-wrap gap-2">
        <Button type="submit" variant={props.destructive ? "destructive" : "primary"} loading={props.busy}>
          {props.submit}
        </Button>
        <Button onClick={props.onCancel}>Cancel</Button>
      </div>
    </form>
  );
}

const passwordLabel = "Your password for the second factor";

function SetUp(props: { email: string; onCodes: (codes: string[]) => void; onEnd: () => void }) {
  const proof = useProof({ email: props.email, label: passwordLabel });
  const [code, setCode] = useState("");
  const [begun, setBegun] = useState<Schema<"PendingFactor"> | null>(null);
  const begin = useAction({
    quiet: true,
    run: () => proof.show((body) => result(api.POST("/headwater/v1/user/second_factor", { body }))),
    then: setBegun,
  });
  const confirm = useAction({
    quiet: true,
    done: "Authenticator set up",
    stale,
    run: async () => {
      const out = await result(api.PUT("/headwater/v1/user/second_factor", { body: { code } }));
      props.onCodes(out.recovery_codes);
      await readSession(); // it goes on under a new name
    },
    then: props.onEnd,
  });
  if (begun === null) {
    return (
      <Form onSubmit={begin.run} error={begin.error} submit="Go on" busy={begin.busy} onCancel={props.onEnd}>
        {proof.fields}
      </Form>
    );
  }
  return (
    <Form onSubmit={confirm.run} error={confirm.at("/code") === undefined ? confirm.error : null} submit="Confirm" busy={confirm.busy} onCancel={props.onEnd}>
      <p className="m-0 text-sm">Scan this with your authenticator, or type the key into it.</p>
      <img src={begun.image} width={240} height={240} alt="QR code for your authenticator" className="rounded bg-white" />
      <ClipboardText text={begun.secret} labels={{ copyAction: "Copy key" }} />
      <CodeInput label="Code that it shows" value={code} error={confirm.at("/code")} onChange={setCode} />
    </Form>
  );
}

function Change(props: { doing: "codes" | "remove"; email: string; factor: Schema<"SecondFactor">; onCodes: (codes: string[]) => void; onEnd: () => void }) {
  const remove = props.doing === "remove";
  const proof = useProof({ email: props.email, label: passwordLabel });
  const act = useAction({
    quiet: true,
    done: remove ? "Authenticator taken away" : "New recovery codes drawn",
    stale,
    run: () =>
      proof.show(async (body) => {
        if (!remove) {
          props.onCodes((await result(api.POST("/headwater/v1/user/second_factor/recovery_codes", { body }))).recovery_codes);
          return;
        }
        await result(api.POST("/headwater/v1/user/second_factor/remove", { body }));
        await readSession();
      }),
    then: props.onEnd,
  });
  return (
    <Form onSubmit={act.run} error={act.error} submit={remove ? "Take it away" : "Draw new codes"} destructive={remove} busy={act.busy} onCancel={props.onEnd}>
      {remove && (
        <p className="m-0 text-sm">
          All your other sessions end.{" "}
          {props.factor.passkeys > 0 ? "Passkeys and recovery codes stay." : "You sign in by the password alone then, and recovery codes open nothing any more."}
        </p>
      )}
      {proof.fields}
    </Form>
  );
}
