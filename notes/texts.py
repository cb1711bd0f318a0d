"""What we say to people, in both languages: short, calm, with the next step."""

from __future__ import annotations

from typing import NamedTuple

from django.utils.translation import get_language


class Text(NamedTuple):
    """One sentence in both languages; short, calm, with the next step."""

    pt: str
    en: str


#: Codes on a note's row: why a try failed.
NOTE_ERRORS: dict[str, Text] = {
    "provider_busy": Text(
        "O serviço de IA está ocupado. Tentaremos de novo em breve.",
        "The AI service is busy. We will try again soon.",
    ),
    "provider_timeout": Text(
        "O serviço de IA demorou demais. Tentaremos de novo em breve.",
        "The AI service took too long. We will try again soon.",
    ),
    "provider_unreachable": Text(
        "Não conseguimos falar com o serviço de IA. Tentaremos de novo em breve.",
        "The AI service could not be reached. We will try again soon.",
    ),
    "provider_error": Text(
        "O serviço de IA falhou. Tentaremos de novo em breve.",
        "The AI service failed. We will try again soon.",
    ),
    "provider_bad_answer": Text(
        "O serviço de IA respondeu algo que não entendemos. Tentaremos de novo em breve.",
        "The AI service gave an answer we do not understand. We will try again soon.",
    ),
    "provider_out_of_credit": Text(
        "Acabou o crédito no serviço de IA. Quem opera o sistema precisa recarregar; depois,"
        " tente de novo.",
        "The AI service is out of credit. Whoever runs this system must top it up; then retry.",
    ),
    "provider_unauthorized": Text(
        "O serviço de IA recusou a chave. Quem opera o sistema precisa corrigi-la; depois, tente"
        " de novo.",
        "The AI service refused the key. Whoever runs this system must correct it; then retry.",
    ),
    "provider_misconfigured": Text(
        "O serviço de IA não aceita esta configuração (modelo ou endereço). Quem opera o sistema"
        " precisa corrigi-la; depois, tente de novo.",
        "The AI service does not accept this configuration (model or address). Whoever runs this"
        " system must correct it; then retry.",
    ),
    "audio_too_large": Text(
        "O áudio é maior do que o serviço de IA aceita. Ele está guardado.",
        "The audio is larger than the AI service takes. It is kept.",
    ),
    "audio_refused": Text(
        "O serviço de IA não entendeu o arquivo de áudio. Ele está guardado.",
        "The AI service could not read the audio file. It is kept.",
    ),
    "audio_format_unsupported": Text(
        "O serviço de IA não aceita este formato de áudio. Ele está guardado.",
        "The AI service does not take this audio format. It is kept.",
    ),
    "audio_too_long": Text(
        "O áudio é mais longo do que este sistema aceita. Ele está guardado.",
        "The audio is longer than this system takes. It is kept.",
    ),
    "audio_undecodable": Text(
        "Não conseguimos ler este áudio; o arquivo parece incompleto ou danificado.",
        "This audio cannot be read; the file seems incomplete or damaged.",
    ),
    "audio_missing": Text(
        "O arquivo de áudio não está mais no armazenamento.",
        "The audio file is no longer in storage.",
    ),
    "storage_unavailable": Text(
        "O armazenamento não respondeu. Tentaremos de novo em breve.",
        "The storage did not answer. We will try again soon.",
    ),
    "local_transcriber_missing": Text(
        "O transcritor local não está instalado. Quem opera o sistema precisa instalá-lo ou"
        " configurar uma chave; depois, tente de novo.",
        "The local transcriber is not installed. Whoever runs this system must install it or set a"
        " key; then retry.",
    ),
    "out_of_memory": Text(
        "Faltou memória para este áudio. Tentaremos de novo em breve.",
        "There was not enough memory for this audio. We will try again soon.",
    ),
    "worker_crashed": Text(
        "O processamento deste áudio parou o sistema várias vezes e foi suspenso. O áudio está"
        " guardado.",
        "Processing this audio stopped the system several times and was given up. The audio is"
        " kept.",
    ),
    "internal_error": Text(
        "Algo falhou do nosso lado. Tentaremos de novo em breve.",
        "Something failed on our side. We will try again soon.",
    ),
}

#: Why a note is where it is. ``{evidence}`` are the words that decided.
FILING_REASONS: dict[str, Text] = {
    "spoken_command": Text("Você pediu: “{evidence}”.", "You said so: “{evidence}”."),
    "name_mentioned": Text("Você disse o nome: “{evidence}”.", "You said its name: “{evidence}”."),
    "name_misheard": Text(
        "Ouvimos “{evidence}”, que parece o nome da caixinha.",
        "We heard “{evidence}”, which is close to the box's name.",
    ),
    "keywords_matched": Text("Palavras-chave: {evidence}.", "Keywords: {evidence}."),
    "ambiguous": Text(
        "Mais de uma caixinha combina; escolha uma.", "More than one box fits; please choose."
    ),
    "no_match": Text("Nenhuma caixinha combina.", "No box fits."),
    "no_boxes": Text("Você ainda não tem caixinhas.", "You have no boxes yet."),
    "empty_transcript": Text("A nota está vazia.", "The note is empty."),
    "no_speech": Text("Não ouvimos fala nesta gravação.", "We heard no speech in this recording."),
    "model_chose": Text("{evidence}", "{evidence}"),
    "model_unsure": Text("A IA não teve certeza. {evidence}", "The AI was not sure. {evidence}"),
    "model_unclear": Text(
        "A IA deu uma resposta que não entendemos.", "The AI gave an answer we do not understand."
    ),
    "filing_failed": Text(
        "A transcrição está pronta, mas não foi possível escolher uma caixinha.",
        "The transcript is ready, but no box could be chosen.",
    ),
    "imported": Text("Veio do sistema anterior.", "It came from the previous system."),
    "chosen_by_owner": Text("Você escolheu.", "You chose it."),
    "box_deleted": Text("A caixinha foi apagada.", "The box was deleted."),
}

#: Problems of the REST API: HTTP status and title.
PROBLEMS: dict[str, tuple[int, Text]] = {
    "invalid_request": (422, Text("Pedido inválido.", "The request is not valid.")),
    "bad_request": (400, Text("Pedido malformado.", "The request is malformed.")),
    "unauthenticated": (
        401,
        Text("Entre ou envie um token válido.", "Sign in or send a valid token."),
    ),
    "forbidden": (403, Text("Isto não é permitido.", "This is not allowed.")),
    "not_found": (404, Text("Não encontrado.", "Not found.")),
    "method_not_allowed": (405, Text("Método não permitido.", "Method not allowed.")),
    "one_file_only": (
        400,
        Text("Envie um arquivo de áudio por pedido.", "Send one audio file per request."),
    ),
    "body_too_large": (
        413,
        Text("O pedido é grande demais.", "The request is too large."),
    ),
    "not_retryable": (
        409,
        Text("Esta nota não falhou; não há o que repetir.", "This note has not failed."),
    ),
    "box_exists": (
        409,
        Text("Já existe uma caixinha com este nome.", "A box with this name exists already."),
    ),
    "file_too_large": (
        413,
        Text("O arquivo passa de {limit} MB.", "The file is larger than {limit} MB."),
    ),
    "not_audio": (
        415,
        Text(
            "O arquivo não é um áudio que conhecemos. Envie ogg, webm, m4a, mp3, wav, flac, aac,"
            " amr, caf ou 3gp.",
            "The file is not audio we know. Send ogg, webm, m4a, mp3, wav, flac, aac, amr, caf or"
            " 3gp.",
        ),
    ),
    "empty_file": (422, Text("O arquivo está vazio.", "The file is empty.")),
    "unknown_box": (422, Text("Esta caixinha não existe.", "There is no such box.")),
    "bad_cursor": (
        422,
        Text("Cursor inválido; comece sem ele.", "The cursor is not valid; start without one."),
    ),
    "idempotency_mismatch": (
        422,
        Text(
            "Esta Idempotency-Key já foi usada com outro conteúdo.",
            "This Idempotency-Key was used with other content.",
        ),
    ),
    "no_audio": (404, Text("Esta nota não tem áudio.", "This note has no audio.")),
    "range_not_satisfiable": (
        416,
        Text("O trecho pedido fica fora do áudio.", "The range lies outside the audio."),
    ),
    "storage_unavailable": (
        503,
        Text(
            "O armazenamento não respondeu. Envie de novo em alguns segundos.",
            "The storage did not answer. Send it again in a few seconds.",
        ),
    ),
    "database_unavailable": (
        503,
        Text(
            "O banco de dados não respondeu. Tente de novo em alguns segundos.",
            "The database did not answer. Try again in a few seconds.",
        ),
    ),
    "internal_error": (500, Text("Algo falhou do nosso lado.", "Something failed on our side.")),
}


def in_my_language(text: Text, **values: object) -> str:
    """``text`` in the language of the current request; pt-BR where none is known."""
    sentence = text.en if (get_language() or "pt").startswith("en") else text.pt
    return sentence.format(**values).strip()
