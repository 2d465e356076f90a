import { Button } from "@cloudflare/kumo/components/button";
import { Dialog } from "@cloudflare/kumo/components/dialog";
import { useEffect, useLayoutEffect, useRef, useState, type ReactNode } from "react";
import { ApiError } from "../api/client";
import { useKeyboardBack } from "./keyboard-back";
import { Notice } from "./notice";

type Frame = { open: boolean; onClose: () => void; title: string; description?: ReactNode; children?: ReactNode };

/** The frame of every dialog. */
export function DialogFrame(props: Frame & { size?: "base" | "lg" | "xl" }) {
  useKeyboardBack(props.open);
  return (
    <Dialog.Root open={props.open} onOpenChange={(open) => !open && props.onClose()}>
      <Dialog size={props.size ?? "lg"} className="max-h-[90vh] overflow-y-auto p-6">
        <Dialog.Title className={`${props.description === undefined ? "mb-4" : "mb-1"} text-xl font-semibold`}>{props.title}</Dialog.Title>
        {props.description !== undefined && (
          <Dialog.Description className="mb-4 text-sm text-kumo-subtle">{props.description}</Dialog.Description>
        )}
        {props.children}
      </Dialog>
    </Dialog.Root>
  );
}

/** A dialog that shows something. */
export function InfoDialog(props: Frame & { size?: "base" | "lg" | "xl" }) {
  return (
    <DialogFrame {...props}>
      {props.children}
      <div className="mt-5 flex justify-end">
        <Button onClick={props.onClose}>Close</Button>
      </div>
    </DialogFrame>
  );
}

/** A dialog with a form. */
export function FormDialog(
  props: Frame & {
    submit: string;
    cancel?: string;
    busy?: boolean;
    error?: Error | null;
    disabled?: boolean;
    destructive?: boolean;
    size?: "base" | "lg" | "xl";
    /** To the step before. */
    onBack?: () => void;
    onSubmit: () => void;
  },
) {
  return (
    <DialogFrame {...props}>
      <form
        className="flex flex-col gap-4"
        onSubmit={(e) => {
          e.preventDefault();
          props.onSubmit();
        }}
      >
        <FormError error={props.error} />
        {props.children}
        <div className="mt-1 flex flex-wrap justify-end gap-2">
          {props.onBack && (
            <Button type="button" variant="ghost" onClick={props.onBack}>
              Back
            </Button>
          )}
          <Button type="button" variant="secondary" onClick={props.onClose}>
            {props.cancel ?? "Cancel"}
          </Button>
          <Button
            type="submit"
            variant={props.destructive ? "destructive" : "primary"}
            loading={props.busy ?? false}
            disabled={props.disabled}
          >
            {props.submit}
          </Button>
        </div>
      </form>
    </DialogFrame>
  );
}

/** Errors that are shown of many. */
const shown = 50;

/**
 * Why a form was refused; several errors, such as those of a zone file's lines, stand below each other. What a field shows stands there
 * alone, and the first such field gets the keyboard: fields are drawn after this, so what they show is known in the effect.
 */
export function FormError({ error = null }: { error?: Error | null }) {
  const at = useRef<HTMLDivElement>(null);
  const [told, setTold] = useState<{ of: Error; messages: string[] } | null>(null);
  useLayoutEffect(() => {
    if (error === null) return;
    const left = error instanceof ApiError ? error.elsewhere() : [];
    const placed = error instanceof ApiError && left.length < error.faults.length;
    setTold({ of: error, messages: placed || left.length > 1 ? left.map((f) => f.message) : [error.message] });
  }, [error]);
  useEffect(() => {
    const placed = error instanceof ApiError ? error.placed() : [];
    if (placed.length === 0) return;
    let frames = 30; // fields draw their messages when they have been told of them
    const look = () => {
      const form = at.current?.closest("form");
      if (form && !placed.some((f) => focusBeside(form, f.message)) && frames-- > 0) requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }, [error]);
  const messages = told !== null && told.of === error ? told.messages : [];
  return (
    <div role={messages.length > 0 ? "alert" : undefined} className={messages.length > 0 ? undefined : "hidden"} ref={at}>
      {messages.length > 0 && <Notice variant="error" description={messages.length === 1 ? messages[0] : <Messages list={messages} />} />}
    </div>
  );
}

/** Brings the keyboard to the field beside which a message stands; false where none does. */
function focusBeside(form: HTMLFormElement | null | undefined, message: string): boolean {
  const text = [...(form?.querySelectorAll("*") ?? [])].find((e) => e.childElementCount === 0 && e.textContent === message);
  for (let at = text?.parentElement; at && at !== form; at = at.parentElement) {
    const field = at.querySelector<HTMLElement>("input, textarea, [role=combobox]");
    if (!field) continue;
    field.focus();
    return true;
  }
  return false;
}

function Messages({ list }: { list: string[] }) {
  return (
    <span role="list" className="block max-h-48 overflow-y-auto" tabIndex={0} aria-label="Errors">
      {list.slice(0, shown).map((m, i) => (
        <span role="listitem" key={i} className="block break-words">
          {m}
        </span>
      ))}
      {list.length > shown && <span role="listitem" className="block">{`and ${list.length - shown} more.`}</span>}
    </span>
  );
}

/** Asks before something that cannot be taken back. */
export function ConfirmDialog(props: {
  open: boolean;
  title: string;
  text: ReactNode;
  submit: string;
  busy?: boolean;
  error?: Error | null;
  onClose: () => void;
  onConfirm: () => void;
  children?: ReactNode;
}) {
  return (
    <FormDialog
      open={props.open}
      onClose={props.onClose}
      title={props.title}
      description={props.text}
      submit={props.submit}
      busy={props.busy}
      error={props.error}
      destructive
      onSubmit={props.onConfirm}
    >
      {props.children}
    </FormDialog>
  );
}
