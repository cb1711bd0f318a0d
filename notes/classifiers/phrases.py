"""What people say around a box: orders, refusals, and places that mean nothing."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# All plain: no accents, no capitals (see words.plain).
COMMANDS = _words(
    "anota anote anotar anotem coloca coloque colocar bota bote botar poe ponha guarda guarde "
    "guardar salva salve salvar arquiva arquive arquivar registra registre registrar adiciona "
    "adicione adicionar inclui inclua incluir classifica classifique lanca lance joga jogue manda "
    "mande move mova mover escreve escreva file put save add store move log record note stick drop "
    "write place"
)
# "Mandar para a escola o dinheiro" is an errand, "log in to work" and "put in work" are toil:
# these are orders to us only with "isso".
NEEDS_OBJECT = _words("manda mande joga jogue lanca lance place drop log put move")
# Only who speaks to a notebook says these, so that anything may stand before the box.
NOTE_TAKING = _words("anota anote registra registre adiciona adicione add log file")
OBJECTS = _words(
    "isso isto essa esse esta este nota audio lembrete ideia this it that note memo reminder"
)
FILLERS = OBJECTS | _words(
    "ai aqui la por favor pra mim me a o um uma tambem please down ja entao down also the my"
)
INTO = _words("em no na nos nas pra pro para ao in into to under on onto")
# After a free object "para a família" tells whom it is for, not where to file it.
INTO_AT_THE_END = _words("em no na nos nas in into to under")
ARTICLES = _words("a o as os minha meu minhas meus nossa nosso the my our a an")
BOX_NOUNS = _words(
    "caixinha caixa pasta lista categoria gaveta box folder list category projeto project"
)
# "Caixa" is also the cash desk, and "pasta" a bag: only these name our boxes by themselves.
OWN_BOX_NOUNS = _words("caixinha box")
BOX_LINKS = _words("de da do das dos chamada chamado called named for")

NOT = _words("nao not nem neither nor never nunca vez instead exceto except menos")
NOT_BRIDGE = (
    INTO
    | ARTICLES
    | BOX_NOUNS
    | BOX_LINKS
    | OBJECTS
    | COMMANDS
    | _words(
        "e eh era foi vai fica ser seria is was goes for of about sobre coisa coisas nada ver com "
        "assunto more mais than really so just"
    )
)
CORRECTIONS = _words(
    "nao no alias melhor desculpa digo verdade dizer espera pera actually mean sorry wait"
)
# The others must stand alone: "anota em Casa: não trabalho amanhã" corrects nothing.
CORRECTS_DIRECTLY = _words("digo dizer mean")

# Words that may stand beside a name when the whole clause only announces the subject.
ANNOUNCING = _words("sobre about assunto tema coisa coisas regarding topic notes subject")
LEADING = (
    ARTICLES
    | ANNOUNCING
    | OBJECTS
    | _words(
        "para pra pro for e and de da do das dos anota anote nota outra mais uma um "
        "lembrete ok oi bom entao so well hey ola agora hoje"
    )
)

# Bare places: "em casa", "go home", "after work" tell where or when, seldom what about.
PLACES = _words(
    "casa home trabalho work escola school escritorio office faculdade academia gym igreja church "
    "hospital mercado banco house"
)
BARE_BEFORE = {
    "casa": _words("em de pra para a ate"),
    "home": _words(
        "go going goes went get gets getting got come coming came way stay stayed staying stays at "
        "from back drive driving drove walk walking leave leaving left be am is are was were "
        "arrive arrived arriving return returning return take took bring brought everyone sent "
        "i he she we they me him her them heading head headed ride"
    ),
    "work": _words("at from to after before off go going leave leaving left"),
    "school": _words("at from to after before"),
}
MOTION = _words(
    "sair saindo saio sai saimos chegar chegando chego cheguei chega ir indo vou vai fui voltar "
    "voltando voltei volto passar passando passei leaving leave left arrive arriving arrived going "
    "go get getting got driving drive walking back way"
)
CIRCUMSTANCE = _words("antes depois before after during durante ate until")
# "Eu trabalho até tarde", "we work", "to travel": the verb, not the box.
SUBJECTS = _words(
    "eu i you we they to not will would can could should must let who voce ele ela quem won"
)
VERB_LIKE = _words("trabalho work travel study shop train plan gasto estudo treino conta run read")
POSSESSED = _words("casa carro home house")
OF = _words("da do de dos das of")

# A name or keyword inside one of these is not meant.
IDIOMS = (
    "boa viagem", "boas viagens", "nice travels", "safe travels", "dever de casa",
    "licao de casa", "trabalho de casa", "dona de casa", "casa de cambio", "fora de casa",
    "home office", "home page", "home run", "home screen", "white house", "em familia",
    "dar trabalho", "da trabalho", "deu trabalho", "dando trabalho", "da um trabalho",
    "deu um trabalho", "dar um trabalho", "works", "worked out", "work out", "works out",
    "nao faco ideia", "nao tenho ideia", "no idea", "por conta", "dar conta", "faz de conta",
    "levar em conta", "banco da praca", "in the long run", "run out", "ran out", "running out",
    "running late", "run into",
)  # fmt: skip

ECHOES = (
    "caixinha disponivel", "caixinhas disponiveis", "caixas disponiveis", "available boxes",
    "available box", "boxes available", "nomes das caixinhas", "names of the boxes",
)  # fmt: skip

# Too small to mean anything alone, as a keyword or at the edge of a misheard name.
FUNCTION_WORDS = (
    INTO
    | ARTICLES
    | OBJECTS
    | SUBJECTS
    | _words(
        "e ou de da do das dos que com sem por se ja mais muito me mim te ai la so um uma uns umas "
        "eh foi ser ter tem vai nao sim or and of for with at by is was be i s t do did as so but "
        "if ao aos num numa pelo pela pois mas"
    )
)
