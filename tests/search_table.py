"""Notes of one person, and what they would type to find one of them again.

QUERIES were written before they were tried; ``stemmed`` ones need to know word forms, which SQLite
does not.
"""

from __future__ import annotations

from typing import NamedTuple

NOTES: dict[str, str] = {
    "encanador": "Ligar para o encanador amanhã cedo, a pia da cozinha está vazando de novo.",
    "reunião": "As reuniões com o cliente foram desmarcadas, avisar o João Pedro até sexta.",
    "ata": "Na reunião de segunda ficou decidido que a ata vai por e-mail.",
    "pão": "Comprar pão francês, leite e dois quilos de café na padaria da esquina.",
    "pães": "A receita dos pães de queijo da vovó leva polvilho azedo e três ovos.",
    "exame": "Buscar os exames de sangue no laboratório e marcar o retorno com a médica.",
    "boleto": "Paguei os boletos do condomínio e do seguro, falta só o IPTU.",
    "viagem": "Para a viagem a Gramado, ver hotéis baratos e comprar as passagens em março.",
    "hotel": "O hotel de Recife pediu o número do cartão para garantir a reserva.",
    "vacina": "Vacinação do cachorro na quinta às dez, levar a carteirinha.",
    "lençol": "Trocar os lençóis do quarto de hóspedes e separar os azuis para doação.",
    "animal": "A clínica de animais da rua de trás atende no feriado.",
    "irmã": "O aniversário das minhas irmãs é no mesmo fim de semana, pensar em presentes.",
    "chuva": "Levar guarda-chuva e capa, a previsão é de chuva forte à tarde.",
    "contrato": "O advogado revisou o contrato de aluguel e sugeriu mudar a cláusula quatro.",
    "chave": "Escondi a chave reserva debaixo do vaso de jardim, contar só para a Marta.",
    "jardim": "Plantar lavanda e alecrim nos jardins da frente quando parar de chover.",
    "violão": "Trocar as cordas do violão antes do ensaio de sábado.",
    "ideia": "Ideia de aplicativo: avisar a hora de regar as plantas pela umidade do solo.",
    "senha": "A senha do wi-fi da casa de praia é o nome do barco do vô, tudo minúsculo.",
    "carro": "Levar o carro na oficina, o freio está fazendo barulho e a luz do óleo acendeu.",
    "livro": "O livro que a Bia indicou se chama Torto Arado, procurar na livraria.",
    "reembolso": "Pedir o reembolso da consulta ao plano de saúde até o dia dez.",
    "dentista": "Dentista remarcado para o dia 23, quatro e meia da tarde.",
    "corrida": "Corri oito quilômetros hoje, o joelho não doeu.",
    "mãe": "Mamãe quer que a gente almoce lá no domingo, levar a sobremesa.",
    "decisão": "Depois da conversa com a gerente tomei a decisão de fazer o curso.",
    "fiz": "Fiz o bolo de cenoura e ficou seco, da próxima vez menos farinha.",
    "luz": "As luzes do corredor piscam quando ligo o chuveiro, chamar o eletricista.",
    "professor": "As professoras da escola pediram material de pintura para a feira.",
    "fácil": "Exercícios fáceis para as costas: ponte, gato e alongar as pernas.",
    "coração": "O cardiologista disse que o coração está ótimo e a pressão também.",
    "perfil": "Atualizar os perfis das redes com a foto nova da equipe.",
    "mala": "Não esqueci a mala azul, ela ficou na casa da tia Olívia em São Paulo.",
    "projeto": "O protótipo do projeto Apolo atrasou, o fornecedor não entregou a placa.",
    "deadline": "Alinhar com o time o deadline do deploy e o follow up com o cliente novo.",
    "plumber": "Call the plumber tomorrow, the kitchen sink leaks again.",
    "meetings": "The meetings with the Berlin team were moved to Thursday.",
    "receita": "O médico renovou a receita do remédio da tireoide por seis meses.",
    "festa": "Convidados da festa: Davi, Elisa, Fábio e os vizinhos do terceiro andar.",
}

#: Notes whose language is known to be English.
ENGLISH = {"plumber", "meetings"}


class Query(NamedTuple):
    typed: str
    #: The key of a note; with ``-`` before it, one that must not be found.
    note: str
    stemmed: bool = False


QUERIES: tuple[Query, ...] = (
    # As it was said.
    Query("encanador", "encanador"),
    Query("boletos condomínio", "boleto"),
    Query("Torto Arado", "livro"),
    Query("projeto apolo", "projeto"),
    Query("freio do carro", "carro"),
    Query("RECIFE", "hotel"),
    # Accents missing, or too many.
    Query("reunioes", "reunião"),
    Query("laboratorio sangue", "exame"),
    Query("violao", "violão"),
    Query("agua previsao OR previsao chuva", "chuva"),
    Query("clausula quatro", "contrato"),
    Query("sao paulo", "mala"),
    Query("vo\u0302 barco", "senha"),
    Query("cártão", "hotel"),
    # Plural and singular.
    Query("reunião cliente", "reunião", stemmed=True),
    Query("exame de sangue", "exame", stemmed=True),
    Query("hotéis recife", "hotel", stemmed=True),
    Query("hotel barato", "viagem", stemmed=True),
    Query("lençol azul", "lençol", stemmed=True),
    Query("clinica animal", "animal", stemmed=True),
    Query("irmã presente", "irmã", stemmed=True),
    Query("jardim da frente", "jardim", stemmed=True),
    Query("pão de queijo", "pães", stemmed=True),
    Query("viagens para gramado", "viagem", stemmed=True),
    Query("decisões", "decisão", stemmed=True),
    Query("luz do corredor", "luz", stemmed=True),
    Query("professor de escola", "professor", stemmed=True),
    Query("exercício fácil", "fácil", stemmed=True),
    Query("corações", "coração", stemmed=True),
    Query("perfil da rede", "perfil", stemmed=True),
    Query("remédios", "receita", stemmed=True),
    # Verb forms, and what is made of verbs.
    Query("pagar boleto", "boleto", stemmed=True),
    Query("correr joelho", "corrida", stemmed=True),
    Query("ligando encanador", "encanador", stemmed=True),
    Query("comprou passagem", "viagem", stemmed=True),
    Query("fazer bolo", "fiz", stemmed=True),
    Query("esquecer a mala", "mala", stemmed=True),
    Query("plantei alecrim", "jardim", stemmed=True),
    Query("vacinar cachorro", "vacina", stemmed=True),
    Query("marquei retorno", "exame", stemmed=True),
    Query("revisar contrato", "contrato", stemmed=True),
    Query("chamei eletricista", "luz", stemmed=True),
    Query("almoçar domingo", "mãe", stemmed=True),
    # Phrases.
    Query('"casa de praia"', "senha"),
    Query('"bolo de cenoura"', "fiz"),
    Query("guarda-chuva", "chuva"),
    Query('"cordas do violao"', "violão"),
    Query('"praia de casa"', "-senha"),
    Query('"reunião de segunda"', "ata"),
    # Without.
    Query("cliente -reuniao -reunioes", "deadline"),
    Query("cliente -reunião", "-reunião", stemmed=True),
    Query("casa -praia", "mala"),
    Query("casa -praia", "-senha"),
    Query('trocar -"cordas do violão"', "lençol"),
    Query('trocar -"cordas do violão"', "-violão"),
    # Either.
    Query("lavanda OR polvilho", "pães"),
    Query("lavanda OU polvilho", "jardim"),
    # The last word is not typed to its end.
    Query("encanad", "encanador"),
    Query("carteir", "vacina"),
    Query("pla saúde reemb", "-plumber"),
    Query("reembolso consul", "reembolso"),
    Query("elet", "luz"),
    Query("dent", "dentista"),
    Query("condom", "boleto"),
    Query("tireo", "receita"),
    Query("bolo de cenoura com", "fiz"),
    # Numbers and English.
    Query("dia 23", "dentista"),
    Query("deadline", "deadline"),
    Query("plumber sink", "plumber"),
    Query("meeting moved", "meetings", stemmed=True),
    Query("move the meeting to thursday", "meetings", stemmed=True),
    Query("calling plumber", "plumber", stemmed=True),
    # Small words do not stand in the way.
    Query("a senha do wi-fi da casa", "senha"),
    Query("o que a médica do exame", "exame", stemmed=True),
)
