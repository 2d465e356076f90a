import { Button } from "@cloudflare/kumo/components/button";
import { ClipboardText } from "@cloudflare/kumo/components/clipboard-text";
import { Input } from "@cloudflare/kumo/components/input";
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

const factorQuery = { queryKey: ["user", "second-factor"], queryFn: () => result(api.GET("/headwater/v1/user/second_factor")) };
const stale = [["user"], ["session"]];

/** The second factor: setting one up, recovery codes, taking it away. */
export function FactorCard(props: { email: string }) {
  const factor = useQuery(factorQuery);
  const locked = useQuery(sessionQuery).data?.locked_accounts ?? [];
  // Shown once, whatever becomes of the forms that asked for them.
  const [codes, setCodes] = useState<string[] | null>(null);
  return (
    <Card
      title="Second factor"
      description="A code of an authenticator, asked for beside your password. API tokens and the Global API Key need none."
    >
      <div className="flex flex-col gap-4">
        {locked.length > 0 && (
          <Notice
            variant="alert"
            title={`${locked.map((a) => a.name).join(", ")}: closed to you until you have a second factor`}
            description="Members are asked for one there. Set it up here."
          />
        )}
        {codes !== null && <Codes codes={codes} onDone={() => setCodes(null)} />}
        <Loaded query={factor}>
          {(f) => (f.enabled ? <Enabled email={props.email} factor={f} onCodes={setCodes} /> : <SetUp email={props.email} onCodes={setCodes} />)}
        </Loaded>
      </div>
    </Card>
  );
}

function Codes(props: { codes: string[]; onDone: () => void }) {
  return (
    <div role="status" className="flex flex-col gap-2">
      <p className="m-0 text-sm">Your recovery codes. Each signs you in once when you have lost your authenticator. They are shown once: keep them apart from it.</p>
      <ul className="m-0 grid list-none grid-cols-1 gap-1 p-0 font-mono text-sm sm:grid-cols-2">
        {props.codes.map((c) => (
          <li key={c}>{c}</li>
        ))}
      </ul>
      <div className="flex flex-wrap gap-2">
        <ClipboardText text={props.codes.join("\n")} labels={{ copyAction: "Copy recovery codes" }} />
        <Button size="sm" onClick={props.onDone}>
          I have kept them
        </Button>
      </div>
    </div>
  );
}

function Form(props: { onSubmit: () => void; error: Error | null; children: ReactNode }) {
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
    </form>
  );
}

function Password(props: { email: string; value: string; onChange: (v: string) => void }) {
  return (
    <>
      <input type="hidden" autoComplete="username" value={props.email} readOnly />
      <Input label="Your password" type="password" autoComplete="current-password" required value={props.value} onChange={(e) => props.onChange(e.target.value)} />
    </>
  );
}

/** A code's field, on this page and where somebody signs in. */
export function CodeInput(props: { label: string; description?: string; value: string; error?: string; autoFocus?: boolean; onChange: (v: string) => void }) {
  return (
    <Input
      label={props.label}
      description={props.description}
      name="code"
      inputMode="text"
      autoComplete="one-time-code"
      autoFocus={props.autoFocus}
      spellCheck={false}
      required
      value={props.value}
      error={props.error}
      onChange={(e) => props.onChange(e.target.value)}
    />
  );
}

function SetUp(props: { email: string; onCodes: (codes: string[]) => void }) {
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [begun, setBegun] = useState<Schema<"PendingFactor"> | null>(null);
  const begin = useAction({
    quiet: true,
    run: () => result(api.POST("/headwater/v1/user/second_factor", { body: { current_password: password } })),
    then: (out) => {
      setPassword("");
      setBegun(out);
    },
  });
  const confirm = useAction({
    quiet: true,
    done: "Second factor set up",
    stale,
    run: async () => {
      const out = await result(api.PUT("/headwater/v1/user/second_factor", { body: { code } }));
      await readSession(); // it goes on under a new name
      props.onCodes(out.recovery_codes);
    },
  });
  if (begun === null) {
    return (
      <Form onSubmit={begin.run} error={begin.error}>
        <Password email={props.email} value={password} onChange={setPassword} />
        <div>
          <Button type="submit" variant="primary" loading={begin.busy}>
            Set up a second factor
          </Button>
        </div>
      </Form>
    );
  }
  return (
    <Form onSubmit={confirm.run} error={confirm.at("/code") === undefined ? confirm.error : null}>
      <p className="m-0 text-sm">Scan this with your authenticator, or type the key into it.</p>
      <img src={begun.image} width={240} height={240} alt="QR code for your authenticator" className="rounded bg-white" />
      <ClipboardText text={begun.secret} labels={{ copyAction: "Copy key" }} />
      <CodeInput label="Code that it shows" value={code} error={confirm.at("/code")} onChange={setCode} />
      <div className="flex flex-wrap gap-2">
        <Button type="submit" variant="primary" loading={confirm.busy}>
          Confirm
        </Button>
        <Button onClick={() => setBegun(null)}>Cancel</Button>
      </div>
    </Form>
  );
}

function Enabled(props: { email: string; factor: Schema<"SecondFactor">; onCodes: (codes: string[]) => void }) {
  const [doing, setDoing] = useState<"codes" | "remove" | null>(null);
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const act = useAction({
    quiet: true,
    done: () => (doing === "remove" ? "Second factor taken away" : "New recovery codes drawn"),
    stale,
    run: async () => {
      const body = { current_password: password, code };
      if (doing === "remove") {
        await result(api.POST("/headwater/v1/user/second_factor/remove", { body }));
        await readSession();
        return;
      }
      const out = await result(api.POST("/headwater/v1/user/second_factor/recovery_codes", { body }));
      props.onCodes(out.recovery_codes);
    },
    then: () => open(null),
  });
  const open = (what: typeof doing) => {
    setDoing(what);
    setPassword("");
    setCode("");
    act.reset();
  };
  return (
    <>
      <p className="m-0 text-sm">
        On since {moment(props.factor.enabled_on)}. {counted(props.factor.recovery_codes_left, "recovery code")} left.
      </p>
      {doing === null ? (
        <div className="flex flex-wrap gap-2">
          <Button onClick={() => open("codes")}>New recovery codes</Button>
          <Button variant="destructive" onClick={() => open("remove")}>
            Take it away
          </Button>
        </div>
      ) : (
        <Form onSubmit={act.run} error={act.error}>
          <Password email={props.email} value={password} onChange={setPassword} />
          <CodeInput label="Code" description="Of your authenticator, or a recovery code." value={code} onChange={setCode} />
          <div className="flex flex-wrap gap-2">
            <Button type="submit" variant={doing === "remove" ? "destructive" : "primary"} loading={act.busy}>
              {doing === "remove" ? "Take the second factor away" : "Draw new codes"}
            </Button>
            <Button onClick={() => open(null)}>Cancel</Button>
          </div>
        </Form>
      )}
    </>
  );
}
