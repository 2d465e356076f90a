import { Button } from "@cloudflare/kumo/components/button";
import { Dialog } from "@cloudflare/kumo/components/dialog";
import type { ReactNode } from "react";
import { ApiError } from "../api/client";
import { Notice } from "./notice";

type Frame = { open: boolean; onClose: () => void; title: string; description?: ReactNode; children?: ReactNode };

/** The frame of every dialog. */
export function DialogFrame(props: Frame & { size?: "base" | "lg" | "xl" }) {
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

/** Why a form was refused; several errors, such as those of a zone file's lines, stand below each other. */
export function FormError(props: { error?: Error | null }) {
  if (!props.error) return null;
  const faults = props.error instanceof ApiError ? props.error.faults : [];
  return (
    <div role="alert">
      <Notice
        variant="error"
        description={
          faults.length < 2 ? (
            props.error.message
          ) : (
            <span role="list" className="block max-h-48 overflow-y-auto" tabIndex={0} aria-label="Errors">
              {faults.slice(0, shown).map((f, i) => (
                <span role="listitem" key={i} className="block break-words">
                  {f.message}
                </span>
              ))}
              {faults.length > shown && <span role="listitem" className="block">{`and ${faults.length - shown} more.`}</span>}
            </span>
          )
        }
      />
    </div>
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
