"""The page's catalogue: every sentence it shows, in both languages. Read at run time as it is.

Keys name a page and a thing. ``{name}`` is filled in; a text that counts has ``.one`` and
``.other``, as both languages want no more.
"""

from __future__ import annotations

from notes.texts import Text, in_my_language

TEXTS: dict[str, Text] = {
    "brand": Text("Baú Mental", "Baú Mental"),
    "skip": Text("Ir para o conteúdo", "Skip to the content"),
    "nav": Text("Principal", "Main"),
    "nav.notes": Text("Notas", "Notes"),
    "nav.boxes": Text("Caixinhas", "Boxes"),
    "nav.settings": Text("Ajustes", "Settings"),
    "nav.logout": Text("Sair", "Sign out"),
    "nav.back_to_notes": Text("Voltar às notas", "Back to the notes"),
    "save": Text("Salvar", "Save"),
    "cancel": Text("Cancelar", "Cancel"),
    "delete": Text("Apagar", "Delete"),
    "trouble": Text("Algo não deu certo", "Something went wrong"),
    "trouble.next": Text("Voltar ao início", "Back to the beginning"),
    # --- The notes
    "home.title": Text("Notas", "Notes"),
    "record.title": Text("Gravar", "Record"),
    "record.button": Text("Gravar uma nota", "Record a note"),
    "record.pause": Text("Pausar", "Pause"),
    "record.hint": Text("Aperte, fale e solte a ideia.", "Press, talk, and let it go."),
    "record.no_script": Text(
        "Para gravar aqui, ative o JavaScript. Sem ele você pode enviar um arquivo.",
        "To record here, turn on JavaScript. Without it you can send a file.",
    ),
    "upload.title": Text("Enviar um áudio", "Send an audio file"),
    "upload.file": Text("Arquivo de áudio, até {limit} MB", "Audio file, up to {limit} MB"),
    "upload.send": Text("Enviar", "Send"),
    "queue.title": Text("Neste aparelho", "On this device"),
    "list.title": Text("Suas notas", "Your notes"),
    "list.nothing_found": Text(
        "Nada encontrado. Tente outra palavra ou outro filtro.",
        "Nothing found. Try another word or another filter.",
    ),
    "list.more": Text("Notas mais antigas", "Older notes"),
    "list.first": Text("Voltar às mais novas", "Back to the newest"),
    "search.title": Text("Procurar nas notas", "Search the notes"),
    "search.words": Text("Palavras", "Words"),
    "search.box": Text("Caixinha", "Box"),
    "search.state": Text("Estado", "State"),
    "search.filters": Text("Filtros", "Filters"),
    "search.any_box": Text("Todas as caixinhas", "All boxes"),
    "search.any_state": Text("Todos os estados", "All states"),
    "search.go": Text("Procurar", "Search"),
    "inbox": Text("Entrada", "Inbox"),
    "first.title": Text("Comece falando", "Start by talking"),
    "first.record": Text(
        "Aperte o botão e diga algo como “marcar o dentista na quinta”.",
        "Press the button and say something like “see the dentist on Thursday”.",
    ),
    "first.boxes": Text(
        "Crie três caixinhas: Casa, Trabalho, Saúde.", "Make three boxes: Home, Work, Health."
    ),
    "first.make_boxes": Text("Criar as três", "Make the three"),
    "first.other_boxes": Text("Criar outras", "Make others"),
    "starter.home.name": Text("Casa", "Home"),
    "starter.home.description": Text(
        "Consertos, compras e contas da casa", "Repairs, shopping and bills"
    ),
    "starter.home.keywords": Text(
        "encanador, cozinha, pia, lâmpada, conta de luz, aluguel, faxina, mercado",
        "plumber, kitchen, sink, light bulb, rent, cleaning, groceries",
    ),
    "starter.work.name": Text("Trabalho", "Work"),
    "starter.work.description": Text(
        "Clientes, reuniões e entregas", "Clients, meetings and deadlines"
    ),
    "starter.work.keywords": Text(
        "reunião, cliente, proposta, relatório, prazo, projeto",
        "meeting, client, proposal, report, deadline, project",
    ),
    "starter.health.name": Text("Saúde", "Health"),
    "starter.health.description": Text(
        "Consultas, exames e remédios", "Appointments, tests and medicine"
    ),
    "starter.health.keywords": Text(
        "médico, exame, remédio, consulta, receita, dentista",
        "doctor, test, medicine, appointment, prescription, dentist",
    ),
    "first.token": Text(
        "Do celular: crie um token e envie áudios de qualquer aplicativo.",
        "From your phone: make a token and send audio from any app.",
    ),
    "first.make_token": Text("Criar um token", "Make a token"),
    "first.token_name": Text("Celular", "Phone"),
    "usage.audio": Text(
        "{used} de {limit} min de áudio hoje", "{used} of {limit} min of audio today"
    ),
    "usage.audio_used": Text("{used} min de áudio hoje", "{used} min of audio today"),
    "usage.notes": Text("{used} de {limit} notas hoje", "{used} of {limit} notes today"),
    "usage.notes_used.one": Text("{count} nota hoje", "{count} note today"),
    "usage.notes_used.other": Text("{count} notas hoje", "{count} notes today"),
    "usage.near": Text(
        "Seu limite de hoje está perto do fim; ele recomeça à meia-noite (UTC).",
        "You are close to today's limit; it starts anew at midnight (UTC).",
    ),
    "count.one": Text("{count} nota", "{count} note"),
    "count.other": Text("{count} notas", "{count} notes"),
    # --- States of a note
    "state.pending": Text("Na fila", "Waiting"),
    "state.transcribing": Text("Transcrevendo", "Transcribing"),
    "state.classifying": Text("Guardando", "Filing"),
    "state.completed": Text("Pronta", "Done"),
    "state.failed": Text("Falhou", "Failed"),
    "state.silent": Text("Sem fala", "No speech"),
    "state.parts": Text("{done} de {total} partes", "{done} of {total} parts"),
    "state.reload": Text(
        "Esta nota ainda está a caminho. Recarregue a página para ver como está.",
        "This note is still on its way. Reload the page to see how it is.",
    ),
    # --- One note
    "note.title": Text("Nota", "Note"),
    "note.no_words": Text("Ainda sem texto.", "No words yet."),
    "note.silent": Text(
        "Não ouvimos fala nesta gravação.", "We heard no speech in this recording."
    ),
    "note.listen": Text("Ouvir", "Listen"),
    "note.audio": Text("Gravação", "Recording"),
    "note.speed": Text("Velocidade", "Speed"),
    "note.back": Text("{seconds} s para trás", "{seconds} s back"),
    "note.ahead": Text("{seconds} s para a frente", "{seconds} s ahead"),
    "note.words": Text("Texto", "Words"),
    "note.edit": Text("Corrigir o texto", "Correct the words"),
    "note.original": Text("O que ouvimos primeiro", "What we heard at first"),
    "note.box": Text("Caixinha", "Box"),
    "note.move": Text("Mover", "Move"),
    "note.why": Text("Por que aqui:", "Why here:"),
    "note.suggestions": Text("Quase foi para:", "It nearly went to:"),
    "note.retry": Text("Tentar de novo", "Try again"),
    "note.take_along": Text("Levar com você", "Take it along"),
    "note.download_audio": Text("Baixar o áudio", "Download the audio"),
    "note.truncated": Text(
        "O arquivo termina no meio, e o texto também.",
        "The file breaks off, and so do the words.",
    ),
    "note.audio_until": Text(
        "O áudio fica guardado até {until}.", "The audio is kept until {until}."
    ),
    "note.delete_title": Text("Apagar esta nota?", "Delete this note?"),
    "note.delete_both": Text(
        "O áudio e o texto serão apagados e não voltam.",
        "The audio and the words will be deleted, and do not come back.",
    ),
    "note.delete_words": Text(
        "O texto será apagado e não volta.", "The words will be deleted, and do not come back."
    ),
    "note.conflict": Text(
        "O que você digitou ainda não foi salvo; está abaixo.",
        "What you typed is not saved yet; it is below.",
    ),
    # --- Boxes
    "boxes.title": Text("Caixinhas", "Boxes"),
    "boxes.about": Text(
        "Cada nota vai sozinha para a caixinha que combina com ela.",
        "Each note goes by itself to the box that fits it.",
    ),
    "boxes.new": Text("Nova caixinha", "New box"),
    "boxes.make": Text("Criar", "Make it"),
    "boxes.edit": Text("Mudar", "Change"),
    "boxes.none": Text("Você ainda não tem caixinhas.", "You have no boxes yet."),
    "box.name": Text("Nome", "Name"),
    "box.description": Text("O que vai nela", "What belongs in it"),
    "box.keywords": Text("Palavras-chave", "Keywords"),
    "box.keywords_help": Text("Separe com vírgulas.", "Put commas between them."),
    "box.color": Text("Cor", "Colour"),
    "box.no_color": Text("Sem cor", "No colour"),
    "box.delete_title": Text("Apagar a caixinha “{name}”?", "Delete the box “{name}”?"),
    "box.delete_what": Text(
        "As notas dela ficam e vão para a Entrada.", "Its notes are kept and go to the Inbox."
    ),
    # --- Settings
    "settings.title": Text("Ajustes", "Settings"),
    "settings.appearance": Text("Aparência", "Appearance"),
    "settings.language": Text("Idioma", "Language"),
    "settings.theme": Text("Tema", "Theme"),
    "theme.auto": Text("Como o aparelho", "As the device has it"),
    "theme.light": Text("Claro", "Light"),
    "theme.dark": Text("Escuro", "Dark"),
    "settings.usage": Text("Hoje", "Today"),
    "tokens.title": Text("Tokens", "Tokens"),
    "tokens.about": Text(
        "Um token deixa um atalho ou programa enviar ou ler notas por você.",
        "A token lets a shortcut or program send or read notes for you.",
    ),
    "tokens.new": Text("Novo token", "New token"),
    "tokens.name": Text("Para quê", "What for"),
    "tokens.scope": Text("O que pode", "What it may do"),
    "tokens.days": Text(
        "Vale por quantos dias (vazio: sempre)", "Valid for how many days (empty: for ever)"
    ),
    "tokens.make": Text("Criar token", "Make token"),
    "tokens.revoke": Text("Revogar", "Revoke"),
    "tokens.revoked": Text("Não vale mais", "No longer valid"),
    "tokens.used": Text("Usado em", "Last used"),
    "tokens.never": Text("nunca usado", "never used"),
    "tokens.once": Text(
        "Copie agora: este token não aparece de novo.",
        "Copy it now: this token is not shown again.",
    ),
    "tokens.copy": Text("Copiar", "Copy"),
    "tokens.try": Text("Para enviar um áudio:", "To send an audio file:"),
    "scope.notes:write": Text("Só enviar notas", "Only send notes"),
    "scope.notes:read": Text("Só ler", "Only read"),
    "scope.full": Text("Tudo", "Everything"),
    "webhooks.title": Text("Webhooks", "Webhooks"),
    "webhooks.about": Text(
        "Avisamos o seu servidor quando uma nota termina.",
        "We tell your server when a note is finished.",
    ),
    "webhooks.url": Text("Endereço (https)", "Address (https)"),
    "webhooks.description": Text("Descrição", "Description"),
    "webhooks.make": Text("Criar webhook", "Make webhook"),
    "webhooks.pause": Text("Pausar", "Pause"),
    "webhooks.resume": Text("Retomar", "Resume"),
    "webhooks.ping": Text("Testar", "Try it"),
    "webhooks.secret": Text(
        "Copie agora: este segredo não aparece de novo.",
        "Copy it now: this secret is not shown again.",
    ),
    "export.title": Text("Levar tudo", "Take everything along"),
    "export.about": Text(
        "Um zip com todas as notas, caixinhas e áudios.",
        "A zip with all notes, boxes and recordings.",
    ),
    "export.go": Text("Baixar tudo", "Download everything"),
    "account.title": Text("Conta", "Account"),
    "account.signed_in": Text("Você entrou como {name}.", "You are signed in as {name}."),
    "account.password": Text("Mudar a senha", "Change the password"),
    "account.delete": Text("Apagar a conta", "Delete the account"),
    "account.delete_title": Text("Apagar a sua conta?", "Delete your account?"),
    "account.delete_what": Text(
        "Todas as notas, áudios, caixinhas e tokens serão apagados e não voltam.",
        "All notes, recordings, boxes and tokens will be deleted, and do not come back.",
    ),
    "account.delete_confirm": Text("Sua senha, para confirmar", "Your password, to confirm"),
    "account.wrong_password": Text(
        "A senha não está certa; nada foi apagado.",
        "The password is not right; nothing was deleted.",
    ),
    # --- Coming in
    "login.title": Text("Entrar", "Sign in"),
    "login.username": Text("Usuário", "User name"),
    "login.password": Text("Senha", "Password"),
    "login.go": Text("Entrar", "Sign in"),
    "login.wrong": Text(
        "Usuário ou senha não conferem. Tente de novo.",
        "User name or password do not match. Please try again.",
    ),
    "login.forgotten": Text("Esqueci a senha", "I forgot the password"),
    "login.by_invitation": Text(
        "Ainda não tem conta? Peça um convite a quem opera este site.",
        "No account yet? Ask whoever runs this site for an invitation.",
    ),
    "join.title": Text("Criar a sua conta", "Make your account"),
    "join.over": Text(
        "Este convite já foi usado ou venceu. Peça outro a quem o enviou.",
        "This invitation was used or has run out. Ask whoever sent it for another.",
    ),
    "join.email": Text(
        "E-mail, para o caso de esquecer a senha (opcional)",
        "E-mail, in case you forget the password (optional)",
    ),
    "join.password_again": Text("Senha, outra vez", "Password, once more"),
    "join.password_help": Text(
        "Ao menos 8 letras, e não só números.", "At least 8 letters, and not only digits."
    ),
    "join.go": Text("Criar conta", "Make account"),
    "join.name_taken": Text("Este nome já é de alguém.", "Somebody has this name already."),
    "password.forgotten_title": Text("Esqueceu a senha?", "Forgot the password?"),
    "password.email": Text("Seu e-mail", "Your e-mail"),
    "password.send": Text("Enviar link", "Send a link"),
    "password.sent_title": Text("Veja o seu e-mail", "Look into your mail"),
    "password.sent": Text(
        "Se houver uma conta com este endereço, o link chega em alguns minutos.",
        "If there is an account with this address, the link arrives in a few minutes.",
    ),
    "password.new_title": Text("Senha nova", "New password"),
    "password.old": Text("Senha atual", "Present password"),
    "password.new": Text("Senha nova", "New password"),
    "password.again": Text("Senha nova, outra vez", "New password, once more"),
    "password.link_over": Text(
        "Este link já foi usado ou venceu. Peça outro.",
        "This link was used or has run out. Ask for another.",
    ),
    "password.tokens_end": Text(
        "Com a senha antiga terminam também os tokens.",
        "With the old password your tokens end too.",
    ),
    "password.changed": Text("A senha foi mudada.", "The password was changed."),
    "password.letter_subject": Text("Baú Mental: senha nova", "Baú Mental: new password"),
    "password.letter": Text(
        "Olá {username}. Para escolher uma senha nova, abra este endereço:",
        "Hello {username}. To choose a new password, open this address:",
    ),
    "password.letter_end": Text(
        "Se você não pediu isto, não faça nada: nada mudou.",
        "If you did not ask for this, do nothing: nothing has changed.",
    ),
    # --- Offline and the app
    "offline.title": Text("Sem internet", "Offline"),
    "offline.about": Text(
        "Você pode gravar; as notas ficam neste aparelho e seguem quando a internet voltar.",
        "You can record; the notes stay on this device and go on when the network is back.",
    ),
    "app.description": Text(
        "Fale, e a nota se guarda sozinha.", "Talk, and the note files itself."
    ),
}


def say(key: str, **values: object) -> str:
    """The text of ``key`` in the language of the current request.

    Raises:
      KeyError: there is no such text.
    """
    return in_my_language(TEXTS[key], **values)


def say_count(key: str, count: int, **values: object) -> str:
    """The text of ``key`` for so many: both languages have one form for 1 and one for the rest."""
    return say(f"{key}.one" if count == 1 else f"{key}.other", count=count, **values)
