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
    "audio_too_long": Text(
        "O áudio é mais longo do que este sistema aceita. Ele está guardado.",
        "The audio is longer than this system takes. It is kept.",
    ),
    "audio_undecodable": Text(
        "Não conseguimos ler este áudio; o arquivo parece incompleto ou danificado.",
        "This audio cannot be read; the file seems incomplete or damaged.",
    ),
    "audio_empty": Text(
        "O arquivo não tem som nenhum. Grave de novo e confira antes de enviar.",
        "The file holds no sound at all. Record again, and listen to it before you send it.",
    ),
    "audio_fragment": Text(
        "Este arquivo é só um pedaço de uma gravação, sem o começo. Envie a gravação inteira.",
        "This file is a later piece of a recording, without its beginning. Send the whole one.",
    ),
    "audio_no_sound_stream": Text(
        "O arquivo não contém áudio. Envie a gravação de voz.",
        "The file holds no audio. Send the voice recording.",
    ),
    "audio_is_video": Text(
        "O arquivo é um vídeo. Envie só o áudio.",
        "The file is a video. Send only its sound.",
    ),
    "audio_codec_unsupported": Text(
        "O áudio está em um codec que não conhecemos. Converta para ogg, m4a ou mp3 e envie de"
        " novo.",
        "The audio is in a codec we do not know. Convert it to ogg, m4a or mp3 and send it again.",
    ),
    "audio_too_complex": Text(
        "O arquivo tem mais faixas, canais ou dados do que uma nota de voz. Converta para um áudio"
        " simples e envie de novo.",
        "The file has more tracks, channels or data than a voice note. Convert it to plain audio"
        " and send it again.",
    ),
    "audio_decoder_crashed": Text(
        "Não conseguimos ler este áudio: ele derruba o decodificador. O arquivo está guardado;"
        " envie outra cópia.",
        "This audio cannot be read: it crashes the decoder. The file is kept; send another copy.",
    ),
    "audio_decoder_stuck": Text(
        "Não conseguimos ler este áudio: a leitura não termina. O arquivo está guardado; envie"
        " outra cópia.",
        "This audio cannot be read: reading it never ends. The file is kept; send another copy.",
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
    "quota_exhausted": Text(
        "Seus minutos de áudio de hoje acabaram. Esta nota continua depois da meia-noite (UTC).",
        "Your minutes of audio for today are used up. This note goes on after midnight (UTC).",
    ),
    "instance_quota_exhausted": Text(
        "O sistema atingiu o limite de áudio de hoje. Esta nota continua depois da meia-noite"
        " (UTC).",
        "This system has reached its limit of audio for today. This note goes on after midnight"
        " (UTC).",
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

#: Codes on a delivery: why a try to call a webhook failed.
DELIVERY_ERRORS: dict[str, Text] = {
    "address_refused": Text(
        "O nome aponta para um endereço que não é público.",
        "The name leads to an address that is not public.",
    ),
    "name_unknown": Text(
        "Não encontramos este nome na internet; confira o endereço.",
        "This name is not known on the internet; check the address.",
    ),
    "receiver_unreachable": Text(
        "Não conseguimos conectar com o seu servidor.", "Your server could not be reached."
    ),
    "receiver_timeout": Text(
        "O seu servidor demorou demais; responda em até 5 segundos.",
        "Your server took too long; answer within 5 seconds.",
    ),
    "receiver_tls": Text(
        "O certificado do seu servidor não é válido para este endereço.",
        "Your server's certificate is not valid for this address.",
    ),
    "receiver_redirected": Text(
        "O seu servidor respondeu com um redirecionamento, que não seguimos.",
        "Your server answered with a redirect, which is not followed.",
    ),
    "receiver_refused": Text(
        "O seu servidor respondeu com um erro.", "Your server answered with an error."
    ),
    "receiver_gone": Text(
        "O seu servidor respondeu 410: não quer mais chamadas.",
        "Your server answered 410: it wants no more calls.",
    ),
    "interrupted": Text(
        "As entregas foram interrompidas do nosso lado.", "The tries were interrupted on our side."
    ),
}

#: Why a webhook is not called, and what to do.
PAUSES: dict[str, Text] = {
    "owner": Text("Você pausou.", "You paused it."),
    "too_many_failures": Text(
        "Dez entregas seguidas falharam. Corrija o seu servidor e ative de novo.",
        "Ten deliveries in a row failed. Mend your server and activate it again.",
    ),
    "receiver_gone": Text(
        "O seu servidor respondeu 410. Ative de novo quando quiser receber.",
        "Your server answered 410. Activate it again when you want to receive.",
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
    "csrf_failed": (
        403,
        Text(
            "A página ficou aberta demais. Recarregue-a e repita.",
            "The page was open for too long. Reload it, then repeat.",
        ),
    ),
    "too_many_logins": (
        429,
        Text(
            "Tentativas demais. Espere 15 minutos e tente de novo.",
            "Too many attempts. Wait 15 minutes, then try again.",
        ),
    ),
    "insufficient_scope": (
        403,
        Text("Este token não permite isto.", "This token does not allow this."),
    ),
    "session_only": (
        403,
        Text(
            "Tokens só são geridos por quem entrou no site.",
            "Tokens are managed by whoever is signed in to the site, not by a token.",
        ),
    ),
    "not_found": (404, Text("Não encontrado.", "Not found.")),
    "method_not_allowed": (405, Text("Método não permitido.", "Method not allowed.")),
    "not_acceptable": (
        406,
        Text("Não temos isto no formato pedido.", "This is not available in the format you ask."),
    ),
    "unsupported_media_type": (
        415,
        Text("Envie o corpo como {expected}.", "Send the body as {expected}."),
    ),
    "precondition_failed": (
        412,
        Text(
            "Isto mudou desde que você leu. Leia de novo e repita.",
            "This has changed since you read it. Read it again, then repeat.",
        ),
    ),
    "one_file_only": (
        400,
        Text("Envie um arquivo de áudio por pedido.", "Send one audio file per request."),
    ),
    "body_too_large": (
        413,
        Text("O pedido é grande demais.", "The request is too large."),
    ),
    "length_required": (
        411,
        Text("Envie o pedido com Content-Length.", "Send the request with a Content-Length."),
    ),
    "too_many_tokens": (
        409,
        Text(
            "Há tokens demais; revogue um que não usa.",
            "There are too many tokens; revoke one that you do not use.",
        ),
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
    "bad_webhook_url": (
        422,
        Text(
            "Este endereço não pode receber webhooks. Use https, sem porta, usuário nem fragmento,"
            " com um nome público.",
            "This address cannot take webhooks. Use https, without port, user or fragment, and a"
            " public name.",
        ),
    ),
    "too_many_webhooks": (
        409,
        Text("Você já tem {limit} webhooks; apague um.", "You have {limit} webhooks; delete one."),
    ),
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
    "idempotency_in_flight": (
        409,
        Text(
            "O primeiro pedido com esta Idempotency-Key ainda está em curso. Envie de novo em"
            " alguns segundos.",
            "The first request with this Idempotency-Key is still being taken in. Send it again in"
            " a few seconds.",
        ),
    ),
    "rate_limited": (
        429,
        Text(
            "Pedidos demais: no máximo {limit} por minuto. Tente de novo em {reset} s.",
            "Too many requests: at most {limit} a minute. Try again in {reset} s.",
        ),
    ),
    "quota_exceeded": (
        429,
        Text(
            "Você já enviou {limit} notas hoje, que é o limite. Ele recomeça à meia-noite (UTC).",
            "You have sent {limit} notes today, which is the limit. It starts anew at midnight"
            " (UTC).",
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
