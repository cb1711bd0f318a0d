"""Dictated pt-BR: a seeded vocabulary of words that people say, common ones far more often."""

from __future__ import annotations

import random
from itertools import accumulate, chain

#: Of the million notes and their words.
SEED = 20261122

_SMALL = (
    "de a o que e do da em um para com não uma os no se na por mais as dos como mas ao ele das "
    "à seu sua ou quando muito já eu também só pelo pela até isso ela entre depois sem mesmo "
    "aos"
)
_NOUNS = (
    "casa reunião cliente proposta relatório chefe médico remédio exame consulta dentista "
    "boleto banco cartão imposto fatura escola filho mãe aniversário passagem voo hotel mala "
    "passaporte encanador lâmpada pia conserto faxina portão aluguel condomínio reforma convite "
    "lista noiva aula dança baile treino academia ideia aplicativo mercado leite pão violão "
    "ensaio acorde foguete protótipo prova boletim aluno oficina pneu óleo receita forno "
    "farinha bolo pressão vacina viagem trabalho projeto carro cozinha compra venda contrato "
    "senha chave porta janela cachorro gato jardim flor árvore cadeira mesa cama sofá geladeira "
    "fogão chuveiro torneira parede tinta telhado piso quintal garagem vizinho amigo irmão irmã "
    "pai avó tio prima sogra professor advogado contador gerente diretor equipe prazo orçamento "
    "planilha apresentação e-mail mensagem telefone celular computador internet impressora "
    "arquivo pasta documento certidão cartório assinatura reembolso salário férias feriado "
    "domingo segunda terça quarta quinta sexta sábado janeiro fevereiro março abril maio junho "
    "julho agosto setembro outubro novembro dezembro semana mês ano dia hora minuto manhã tarde "
    "noite café almoço jantar lanche arroz feijão carne frango peixe ovo queijo manteiga fruta "
    "banana maçã laranja limão tomate cebola alho batata cenoura alface sal açúcar água suco "
    "cerveja vinho festa presente música filme livro jogo futebol praia montanha rio lago "
    "cidade rua bairro avenida ponte estação ônibus metrô trem avião bicicleta moto gasolina "
    "estrada trânsito acidente seguro multa hospital farmácia clínica sangue febre dor cabeça "
    "joelho coluna olho dente pele coração sono sonho medo alegria saudade paciência coragem "
    "conversa história notícia pergunta resposta animal papel lençol homem jornal canção "
    "informação ligação opinião decisão solução situação"
)
_VERBS = (
    "comprar pagar ligar marcar trocar levar buscar chamar mandar pensar lembrar falar olhar "
    "ficar passar deixar chegar começar terminar ajudar arrumar limpar lavar cozinhar preparar "
    "organizar estudar trabalhar viajar andar cantar dançar tocar gravar anotar apagar guardar "
    "procurar encontrar esperar mudar testar revisar enviar cancelar confirmar agendar renovar "
    "assinar imprimir pedir dormir sentir abrir sair cair partir decidir dividir vender comer "
    "beber correr aprender escrever responder receber perder mover resolver entender atender "
    "vencer crescer"
)
_NAMES = (
    "Ana Bruno Carla Davi Elisa Fábio Gabriela Hugo Isabela João Karina Luís Marta Nelson "
    "Olívia Paulo Raquel Sérgio Teresa Vítor Djavan Recife Curitiba Gramado Santos Natal Belém "
    "Manaus"
)
_ENDINGS = {
    "a": "ar o a amos am ei ou aram ava avam ando ado ada ados adas arei aria asse",
    "e": "er o e emos em i eu eram ia iam endo ido ida idos idas erei eria esse",
    "i": "ir o e imos em i iu iram ia iam indo ido ida idos idas irei iria isse",
}

SMALL, NOUNS, VERBS, NAMES = (words.split() for words in (_SMALL, _NOUNS, _VERBS, _NAMES))
ENDINGS = {vowel: endings.split() for vowel, endings in _ENDINGS.items()}


def vocabulary(seed: int) -> tuple[list[str], list[float]]:
    """Some 4,000 words, and their cumulative weights: the n-th is said 1/n as often as the first.

    The first are small words and a few of the others, in turn; the tail is numbers.
    """
    chance = random.Random(seed)
    others = list(dict.fromkeys(chain(NOUNS, map(_plural, NOUNS), _verb_forms(), NAMES)))
    chance.shuffle(others)
    head = [word for pair in zip(SMALL, others, strict=False) for word in pair]
    tail = others[len(SMALL) :] + [str(number) for number in range(1, 1500)]
    words = list(dict.fromkeys(head + tail))
    return words, list(accumulate(1 / rank for rank in range(1, len(words) + 1)))


def _plural(noun: str) -> str:
    for ending, plural in (("ão", "ões"), ("al", "ais"), ("el", "éis"), ("m", "ns")):
        if noun.endswith(ending):
            return noun[: -len(ending)] + plural
    return noun + ("es" if noun[-1] in "rzs" else "s")


def _verb_forms() -> list[str]:
    return [verb[:-2] + ending for verb in VERBS for ending in ENDINGS[verb[-2]]]
