"""What the page's scripts say, beside the server's texts; sent with each page as JSON."""

from __future__ import annotations

from notes.texts import Text, in_my_language
from page.texts import TEXTS

SCRIPT_TEXTS: dict[str, Text] = {
    "cancel": Text("Cancelar", "Cancel"),
    "close": Text("Fechar", "Close"),
    "delete": Text("Apagar", "Delete"),
    "undo": Text("Desfazer", "Undo"),
    "copy": Text("Copiar o texto", "Copy the words"),
    "copied": Text("Copiado.", "Copied."),
    "saved": Text("Salvo.", "Saved."),
    "no_network": Text("Sem internet.", "No network."),
    "no_answer": Text("O servidor não respondeu.", "The server did not answer."),
    "server_busy": Text("O servidor está ocupado.", "The server is busy."),
    "too_large": Text("O arquivo é grande demais.", "The file is too large."),
    "refused": Text("O servidor não aceitou.", "The server did not take it."),
    "signed_out": Text(
        "Sua sessão terminou: entre de novo, e continuamos.",
        "Your session has ended: sign in again, and we go on.",
    ),
    "sign_out": Text("Sair assim mesmo", "Sign out anyway"),
    "unsent.one": Text(
        "{count} gravação ainda não foi enviada. Ela fica neste aparelho até você entrar de novo.",
        "{count} recording is not sent yet. It stays on this device until you sign in again.",
    ),
    "unsent.other": Text(
        "{count} gravações ainda não foram enviadas. Elas ficam neste aparelho até você entrar de"
        " novo.",
        "{count} recordings are not sent yet. They stay on this device until you sign in again.",
    ),
    "received": Text("Recebemos sua nota.", "We have your note."),
    "record_start": Text("Gravar uma nota", "Record a note"),
    "record_stop": Text("Terminar", "Stop"),
    "record_pause": Text("Pausar", "Pause"),
    "record_resume": Text("Continuar", "Go on"),
    "recording": Text("Gravando. Fale à vontade.", "Recording. Take your time."),
    "recording_paused": Text(
        "Em pausa. Nada está sendo gravado.", "Paused. Nothing is being recorded."
    ),
    "recording_kept": Text("Gravação guardada neste aparelho.", "Recording kept on this device."),
    "nothing_heard": Text(
        "Não ouvimos nada. O microfone está ligado?", "We hear nothing. Is the microphone on?"
    ),
    "record_unsupported": Text(
        "Este navegador não grava. Você pode enviar um arquivo.",
        "This browser does not record. You can send a file.",
    ),
    "record_insecure": Text(
        "Para gravar, abra o site por https.", "To record, open the site by https."
    ),
    "microphone_refused": Text(
        "O microfone está bloqueado. Permita o acesso no navegador e tente de novo.",
        "The microphone is blocked. Allow it in the browser and try again.",
    ),
    "microphone_missing": Text(
        "Não há microfone. Ligue um e tente de novo.",
        "There is no microphone. Connect one and try again.",
    ),
    "microphone_failed": Text(
        "O microfone não respondeu. Outro programa pode estar usando.",
        "The microphone did not answer. Another program may be using it.",
    ),
    "device_full": Text(
        "Este aparelho não está guardando a gravação. Não feche a página até ela ser enviada.",
        "This device does not keep the recording. Leave the page open until it is sent.",
    ),
    "queue.recording_of": Text("Gravação de {when}", "Recording of {when}"),
    "queue.waiting": Text("Neste aparelho.", "On this device."),
    "queue.sending": Text("Enviando", "Sending"),
    "queue.failed": Text(
        "Não foi aceita: {reason} Está guardada neste aparelho.",
        "Not taken: {reason} It is kept on this device.",
    ),
    "queue.interrupted": Text(
        "Esta gravação foi interrompida. Enviar o que temos?",
        "This recording was interrupted. Send what we have?",
    ),
    "queue.shared": Text(
        "Você compartilhou este áudio. Enviar?", "You shared this audio. Send it?"
    ),
    "queue.again_in.one": Text("Nova tentativa em {count} s.", "Next try in {count} s."),
    "queue.again_in.other": Text("Nova tentativa em {count} s.", "Next try in {count} s."),
    "queue.again_at": Text("Nova tentativa em {when}.", "Next try on {when}."),
    "queue.send": Text("Enviar", "Send"),
    "queue.download": Text("Baixar", "Download"),
    "queue.cancel": Text("Cancelar", "Cancel"),
    "queue.discard": Text("Descartar", "Discard"),
    "queue.discard_ask": Text(
        "Descartar esta gravação? Ela não volta.", "Discard this recording? It does not come back."
    ),
    "intake.empty": Text("“{name}” está vazio.", "“{name}” is empty."),
    "intake.too_large": Text("“{name}” passa de {limit}.", "“{name}” is larger than {limit}."),
    "intake.not_audio": Text("“{name}” não é áudio.", "“{name}” is not audio."),
    "intake.too_long.one": Text(
        "“{name}” dura mais de {count} minuto.", "“{name}” is longer than {count} minute."
    ),
    "intake.too_long.other": Text(
        "“{name}” dura mais de {count} minutos.", "“{name}” is longer than {count} minutes."
    ),
    "list.found.one": Text("{count} nota encontrada.", "{count} note found."),
    "list.found.other": Text("{count} notas encontradas.", "{count} notes found."),
    "list.found_more.one": Text(
        "Mais de {count} nota encontrada.", "More than {count} note found."
    ),
    "list.found_more.other": Text(
        "Mais de {count} notas encontradas.", "More than {count} notes found."
    ),
    "state.ahead.one": Text("{count} nota na frente", "{count} note ahead"),
    "state.ahead.other": Text("{count} notas na frente", "{count} notes ahead"),
    "pick": Text("Marcar esta nota", "Mark this note"),
    "several": Text("Notas marcadas", "Marked notes"),
    "move_to": Text("Mover para…", "Move to…"),
    "moved.one": Text("{count} nota movida para {box}.", "{count} note moved to {box}."),
    "moved.other": Text("{count} notas movidas para {box}.", "{count} notes moved to {box}."),
    "deleted.one": Text(
        "{count} nota apagada, com áudio e texto.", "{count} note deleted, with audio and words."
    ),
    "deleted.other": Text(
        "{count} notas apagadas, com áudio e texto.", "{count} notes deleted, with audio and words."
    ),
    "position": Text("Posição", "Position"),
    "keys": Text("Atalhos do teclado", "Keyboard shortcuts"),
    "keys_on": Text("Usar atalhos", "Use shortcuts"),
    "key.record": Text("Gravar ou terminar", "Record or stop"),
    "key.search": Text("Procurar", "Search"),
    "key.rows": Text("Próxima nota, anterior", "Next note, previous one"),
    "key.pick": Text("Marcar a nota", "Mark the note"),
    "key.move": Text("Mover a nota", "Move the note"),
    "key.delete": Text("Apagar a nota", "Delete the note"),
    "key.edit": Text("Corrigir o texto", "Correct the words"),
    "key.play": Text("Ouvir ou pausar", "Play or pause"),
    "key.step": Text(
        "5 s para trás ou para a frente; com Shift, 15 s", "5 s back or ahead; 15 s with Shift"
    ),
    "key.help": Text("Esta ajuda", "This help"),
}

#: Texts of the server's that scripts say too.
SHARED = (
    *(key for key in TEXTS if key.startswith("state.")),
    *("inbox", "note.no_words", "record.button", "record.pause", "record.hint"),
    *("count.one", "count.other", "list.nothing_found"),
)


def texts_for_script() -> dict[str, str]:
    """Every text a script may say, in the language of the current request, not filled in."""
    texts = {**{key: TEXTS[key] for key in SHARED}, **SCRIPT_TEXTS}
    return {key: _as_written(text) for key, text in texts.items()}


def _as_written(text: Text) -> str:
    """``text`` with its ``{names}`` left for the script to fill in."""
    return in_my_language(Text(*(side.replace("{", "{{").replace("}", "}}") for side in text)))
