"""Words that say nothing by themselves, without accents.

PostgreSQL's list (``portuguese.stop``, from the Snowball project), and the English words that stand
in most sentences. PostgreSQL drops its own before we see them, but spelled with accents only.
"""

from __future__ import annotations

PORTUGUESE = (
    "a ao aos aquela aquelas aquele aqueles aquilo as ate com como da das de dela delas dele "
    "deles depois do dos e ela elas ele eles em entre era eram eramos essa essas esse esses "
    "esta estamos estao estas estava estavam estavamos este esteja estejam estejamos estes "
    "esteve estive estivemos estiver estivera estiveram estiveramos estiverem estivermos "
    "estivesse estivessem estivessemos estou eu foi fomos for foram foramos forem formos fosse "
    "fossem fossemos fui ha haja hajam hajamos hao havemos hei houve houvemos houver houvera "
    "houveram houveramos houverao houverei houverem houveremos houveria houveriam houveriamos "
    "houvermos houvesse houvessem houvessemos isso isto ja lhe lhes mais mas me mesmo meu meus "
    "minha minhas muito na nao nas nem no nos nossa nossas nosso nossos num numa o os ou para "
    "pela pelas pelo pelos por qual quando que quem sao se seja sejam sejamos sem sera serao "
    "serei seremos seria seriam seriamos seu seus so somos sou sua suas tambem te tem temos "
    "tenha tenham tenhamos tenho tera terao terei teremos teria teriam teriamos teu teus teve "
    "tinha tinham tinhamos tive tivemos tiver tivera tiveram tiveramos tiverem tivermos tivesse "
    "tivessem tivessemos tu tua tuas um uma voce voces vos"
)
ENGLISH = (
    "am an and are as at be been but by can could did do does for from had has have he her here "
    "him his i if in is it its me my not of on or our she should so than that the their them "
    "then there these they this those to us was we were what which who whom will with would you "
    "your"
)

STOPWORDS = frozenset(f"{PORTUGUESE} {ENGLISH}".split())
