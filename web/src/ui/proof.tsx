import { Input } from "@cloudflare/kumo/components/input";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { ApiError, api, result, type Schema } from "../api/client";
import { passkeyTrouble, provePasskey } from "../api/passkey";

/** The password was right, and the server asks for the second factor. */
export const codeNeeded = 13161;

/** What the user has of second factors. */
export const factorQuery = { queryKey: ["user", "second-factor"], queryFn: () => result(api.GET("/headwater/v1/user/second_factor")) };

/** Whether there is any. */
export const hasFactor = (f: Schema<"SecondFactor"> | undefined) => f !== undefined && (f.enabled || f.passkeys > 0);

/** A code's field, where somebody signs in and where he shows that it is he. */
export function CodeInput(props: { label: string; description?: string; value: string; error?: string; autoFocus?: boolean; optional?: boolean; onChange: (v: string) => void }) {
  return (
    <Input
      label={props.label}
      description={props.description}
      name="code"
      inputMode="text"
      autoComplete="one-time-code"
      autoFocus={props.autoFocus}
      spellCheck={false}
      required={!props.optional}
      value={props.value}
      error={props.error}
      onChange={(e) => props.onChange(e.target.value)}
    />
  );
}

type Proof = Schema<"Proof">;

/** What the server asks for before second factors change: the password, and a second factor where there is one. */
export function useProof(props: { email: string; label: string }): { fields: ReactNode; show: <T>(call: (proof: Proof) => Promise<T>) => Promise<T>; clear: () => void } {
  const client = useQueryClient();
  const factor = useQuery(factorQuery).data;
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const byKey = (factor?.passkeys ?? 0) > 0 && passkeyTrouble() === null;
  const clear = () => {
    setPassword("");
    setCode("");
  };
  const proof = async (): Promise<Proof> => {
    if (!hasFactor(factor)) return { current_password: password };
    return { current_password: password, ...(byKey && code === "" ? { passkey: await provePasskey() } : { code }) };
  };
  return {
    clear,
    show: async (call) => {
      try {
        const out = await call(await proof());
        clear(); // a code does once
        return out;
      } catch (e) {
        // One was set up elsewhere meanwhile: its field has yet to come.
        if (e instanceof ApiError && e.has(codeNeeded)) void client.invalidateQueries({ queryKey: factorQuery.queryKey });
        throw e;
      }
    },
    fields: (
      <>
        <input type="hidden" autoComplete="username" value={props.email} readOnly />
        <Input
          label={props.label}
          type="password"
          autoComplete="current-password"
          description="Whoever has none, and comes by a provider, leaves it empty and has signed in just now."
          value={password}
          onChange={(e) => setPassword(e.target.value)}
        />
        {hasFactor(factor) && (
          <CodeInput
            label="Code"
            description={`Of your authenticator, or a recovery code.${byKey ? " Leave it empty to show a passkey." : ""}`}
            optional={byKey}
            value={code}
            onChange={setCode}
          />
        )}
      </>
    ),
  };
}
