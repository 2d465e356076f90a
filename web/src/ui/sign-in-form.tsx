import { Button } from "@cloudflare/kumo/components/button";
import { Input } from "@cloudflare/kumo/components/input";
import { Tabs } from "@cloudflare/kumo/components/tabs";
import { useState } from "react";
import { ApiError, api, result, setCSRF, type Schema } from "../api/client";
import { useAction } from "./action";
import { FormError } from "./dialogs";
import { PasskeyEntry } from "./passkey-entry";
import { CodeInput, codeNeeded } from "./proof";
import { ProviderButton } from "./provider";

type Way = "password" | "token";

/** Signing in by a passkey, at the provider, by e-mail and password, or with an API token. */
export function SignInForm(props: { email?: string; to?: string; onSignedIn: (session: Schema<"Session">) => void }) {
  const [way, setWay] = useState<Way>("password");
  const [email, setEmail] = useState(props.email ?? "");
  const [secret, setSecret] = useState("");
  const [code, setCode] = useState("");
  const [asked, setAsked] = useState(false);
  const signIn = useAction({
    quiet: true,
    once: true,
    run: async () => {
      if (way === "token") return result(api.POST("/headwater/v1/session", { headers: { Authorization: `Bearer ${secret.trim()}` } }));
      try {
        return await result(api.POST("/headwater/v1/session", { body: { email, password: secret, ...(asked && { code }) } }));
      } catch (e) {
        if (!(e instanceof ApiError) || e.faults[0]?.code !== codeNeeded) throw e;
        setAsked(true);
        return null;
      }
    },
    then: (session) => session !== null && entered(session),
  });
  const entered = (session: Schema<"Session">) => {
    setCSRF(session.csrf_token);
    props.onSignedIn(session);
  };
  return (
    <>
      <ProviderButton to={props.to ?? window.location.pathname + window.location.search} />
      {!asked && (
        <div className="mb-5 empty:hidden">
          <PasskeyEntry label="Sign in with a passkey" onSignedIn={entered} />
        </div>
      )}
      <Tabs
        className="mb-5"
        variant="underline"
        value={way}
        onValueChange={(v) => {
          setWay(v as Way);
          setSecret("");
          setAsked(false);
          setCode("");
          signIn.reset();
        }}
        tabs={[
          { value: "password", label: "E-mail and password" },
          { value: "token", label: "API token" },
        ]}
      />
      <form
        className="flex flex-col gap-4"
        onSubmit={(e) => {
          e.preventDefault();
          e.stopPropagation();
          signIn.run();
        }}
      >
        <FormError error={signIn.error} />
        {way === "password" && (
          <Input
            label="E-mail"
            type="email"
            name="email"
            autoComplete="username"
            required
            value={email}
            onChange={(e) => setEmail(e.target.value)}
          />
        )}
        <Input
          key={way}
          label={way === "password" ? "Password" : "API token"}
          type="password"
          name={way}
          autoComplete={way === "password" ? "current-password" : "off"}
          required
          value={secret}
          onChange={(e) => setSecret(e.target.value)}
        />
        {way === "password" && asked && (
          <CodeInput label="Code" description="Of your authenticator, or a recovery code." autoFocus value={code} onChange={setCode} />
        )}
        <Button type="submit" variant="primary" size="lg" loading={signIn.busy}>
          Log in
        </Button>
        {way === "password" && asked && <PasskeyEntry label="Use a passkey instead" beside={{ email, password: secret }} onSignedIn={entered} />}
      </form>
    </>
  );
}
