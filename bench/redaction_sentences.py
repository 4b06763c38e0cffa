"""The sentences of the redaction set: what stands around a value, and what must be left alone."""

from __future__ import annotations

SIGNS = {
    "en": {"@": "at", ".": "dot", "-": "dash", "_": "underscore", "/": "slash", "?": "question mark", "=": "equals"},
    "es": {
        "@": "arroba", ".": "punto", "-": "guion", "_": "guion bajo", "/": "barra", "?": "signo de interrogación",
        "=": "igual",
    },
    "fr": {
        "@": "arobase", ".": "point", "-": "tiret", "_": "tiret bas", "/": "slash", "?": "point d'interrogation",
        "=": "égal",
    },
    "de": {
        "@": "at", ".": "Punkt", "-": "Bindestrich", "_": "Unterstrich", "/": "Schrägstrich", "?": "Fragezeichen",
        "=": "gleich",
    },
    "pt": {
        "@": "arroba", ".": "ponto", "-": "hífen", "_": "underline", "/": "barra", "?": "ponto de interrogação",
        "=": "igual",
    },
}  # fmt: skip

NAMES = {
    "en": ("Katherine Whitfield", "Rajesh Patel", "Siobhan O'Brien", "Marcus Holloway", "Emily Thornton"),
    "es": ("Ana López", "José Martínez", "Begoña Etxeberria", "Nicolás Ibáñez", "Lucía Gutiérrez"),
    "fr": ("Hélène Dubois", "François Lefèvre", "Anaïs Moreau", "Jérôme Chevalier", "Zoé Gauthier"),
    "de": ("Jürgen Müller", "Käthe Schröder", "Matthias Weiß", "Ulrike Hoffmann", "Sören Bergmann"),
    "pt": ("João Conceição", "Inês Magalhães", "Thiago Araújo", "Beatriz Simões", "Antônio Guimarães"),
}
WORDS = {
    "en": ("Project Nightingale", "Acme Widgets", "the Hartford deal", "bluebird"),
    "es": ("Proyecto Águila", "operación Nébula", "Grupo Ibérica Norte", "quetzal"),
    "fr": ("Projet Étoile", "opération Ébène", "dossier Vauban", "libellule"),
    "de": ("Projekt Flügel", "Aktion Bärenklau", "die Hartmann-Sache", "Rotkehlchen"),
    "pt": ("Projeto Vulcão", "operação Âmbar", "Grupo São Bento", "andorinha"),
}

CARRIERS: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {
        "card": (
            "My card number is {}.", "Could you charge it to {}, please?", "Okay, the Visa is {} and it expires next May.",
            "Let me read it out for you: {}.", "So that's {}, did you get that?", "Use {} for the hotel.",
        ),
        "iban": (
            "The IBAN is {}.", "Please wire the deposit to {} by Friday.", "Our account is {}, same as last year.",
            "Send the rest to {}, thanks.", "I think their IBAN was {} but let me check.", "Pay {} and not the old one.",
        ),
        "email": (
            "You can write to {} any time.", "Send the slides to {}.", "My address is {}, all lower case.",
            "Just drop me a line, {} works best.", "Please forward the invoice to {} today.", "It's {}, I'll spell it later.",
        ),
        "phone": (
            "Call me at {} after lunch.", "My mobile is {}.", "The best number for the clinic is {}, ask for Dana.",
            "You can text {} if you're late.", "Her phone number changed, it's {} now.", "Dial {} and wait for the tone.",
        ),
        "ip": (
            "The server is at {}.", "I can't ping {} from here.", "Block {} in the firewall, please.",
            "The new gateway has the address {}.", "Somebody logged in from {} last night.", "Try {} instead.",
        ),
        "national_id": (
            "My social security number is {}.", "For payroll I need your national insurance number, mine is {}.",
            "The social on the form says {}.", "Her SSN, let me see, {}.", "National insurance number {}, that's me.",
            "They asked for my social security, so I said {}.",
        ),
        "secret_url": (
            "Open {} to see it.", "I pasted {} into the chat.", "The link is {} but don't share it.",
            "Go to {} now.", "You'll need {} for that.", "It was {} if I remember right.",
        ),
        "birth_date": (
            "I was born on {}.", "My date of birth is {}.", "Her birthday is {}, so she's older than me.",
            "The patient, born {}, came in on Monday.", "Date of birth, {}, and I live in Leeds.", "He was born {} in Ohio.",
        ),
        "name": (
            "I think {} should take that.", "Thanks, that was {} from finance.", "Did {} send the report?",
            "We'll wait for {} then.", "As {} said, it's fine.", "This is what I told {} yesterday.",
        ),
        "custom": (
            "We can't talk about {} yet.", "Everybody on {} gets a bonus.", "So, {} is on hold.",
            "What about {} next week?", "I heard {} was cancelled.", "The budget of {} is gone.",
        ),
    },
    "es": {
        "card": (
            "Mi número de tarjeta es {}.", "Cárguelo a {}, por favor.", "La tarjeta es {} y caduca en mayo.",
            "Se lo leo: {}.", "Entonces es {}, ¿lo tiene?", "Usa {} para el hotel.",
        ),
        "iban": (
            "El IBAN es {}.", "Haz la transferencia a {} antes del viernes.", "Nuestra cuenta es {}, la de siempre.",
            "Manda el resto a {}, gracias.", "Creo que su IBAN era {} pero lo miro.", "Paga en {} y no en la vieja.",
        ),
        "email": (
            "Puedes escribir a {} cuando quieras.", "Manda las diapositivas a {}.", "Mi correo es {}, todo en minúsculas.",
            "Escríbeme mejor, {} es lo más rápido.", "Reenvía la factura a {} hoy.", "Es {}, luego te lo deletreo.",
        ),
        "phone": (
            "Llámame al {} después de comer.", "Mi móvil es el {}.", "El número de la clínica es el {}, pregunta por Dana.",
            "Mándame un mensaje al {} si llegas tarde.", "Le han cambiado el teléfono, ahora es {}.", "Marca {} y espera.",
        ),
        "ip": (
            "El servidor está en {}.", "No puedo hacer ping a {} desde aquí.", "Bloquea {} en el cortafuegos.",
            "La nueva puerta de enlace tiene la dirección {}.", "Alguien entró desde {} anoche.", "Prueba {} mejor.",
        ),
        "national_id": (
            "Mi DNI es {}.", "El documento de identidad que consta es {}.", "Para el contrato, mi NIE es {}.",
            "Su DNI, a ver, {}.", "Con DNI {}, mayor de edad.", "Me pidieron el documento y les di {}.",
        ),
        "secret_url": (
            "Abre {} para verlo.", "He pegado {} en el chat.", "El enlace es {} pero no lo compartas.",
            "Entra en {} ahora.", "Vas a necesitar {} para eso.", "Era {} si no recuerdo mal.",
        ),
        "birth_date": (
            "Nací el {}.", "Mi fecha de nacimiento es el {}.", "Su cumpleaños es el {}, así que es mayor que yo.",
            "La paciente, nacida el {}, vino el lunes.", "Fecha de nacimiento, {}, y vivo en Cádiz.",
            "Él nació el {} en Lima.",
        ),
        "name": (
            "Creo que {} debería encargarse.", "Gracias, era {} de finanzas.", "¿Ha enviado {} el informe?",
            "Esperamos a {} entonces.", "Como dijo {}, está bien.", "Eso es lo que le conté a {} ayer.",
        ),
        "custom": (
            "Aún no podemos hablar de {}.", "Todos los de {} tienen una prima.", "O sea, {} está parado.",
            "¿Y qué pasa con {} la semana que viene?", "He oído que {} se canceló.", "El presupuesto de {} se acabó.",
        ),
    },
    "fr": {
        "card": (
            "Mon numéro de carte est le {}.", "Débitez {}, s'il vous plaît.", "La carte, c'est {} et elle expire en mai.",
            "Je vous le lis : {}.", "Donc c'est {}, vous l'avez ?", "Prends {} pour l'hôtel.",
        ),
        "iban": (
            "L'IBAN est {}.", "Faites le virement sur {} avant vendredi.", "Notre compte est {}, comme l'an dernier.",
            "Envoie le reste sur {}, merci.", "Je crois que leur IBAN était {} mais je vérifie.", "Paie sur {} et pas sur l'ancien.",
        ),
        "email": (
            "Vous pouvez écrire à {} quand vous voulez.", "Envoie les diapos à {}.", "Mon adresse est {}, tout en minuscules.",
            "Écris-moi, {} c'est le plus simple.", "Transfère la facture à {} aujourd'hui.", "C'est {}, je l'épelle après.",
        ),
        "phone": (
            "Appelez-moi au {} après le déjeuner.", "Mon portable, c'est le {}.",
            "Le numéro de la clinique est le {}, demandez Dana.", "Envoie un texto au {} si tu es en retard.",
            "Son téléphone a changé, c'est le {} maintenant.", "Composez le {} et attendez.",
        ),
        "ip": (
            "Le serveur est sur {}.", "Je n'arrive pas à joindre {} d'ici.", "Bloque {} dans le pare-feu.",
            "La nouvelle passerelle a l'adresse {}.", "Quelqu'un s'est connecté depuis {} hier soir.", "Essaie plutôt {}.",
        ),
        "national_id": (
            "Mon numéro de sécurité sociale est le {}.", "Pour la paie, mon numéro de sécu, c'est {}.",
            "Sur le formulaire il y a {}.", "Sa sécurité sociale, attendez, {}.", "Numéro de sécu {}, c'est bien moi.",
            "Ils ont demandé mon numéro, j'ai dit {}.",
        ),
        "secret_url": (
            "Ouvre {} pour le voir.", "J'ai collé {} dans le chat.", "Le lien, c'est {} mais ne le partage pas.",
            "Va sur {} maintenant.", "Il te faudra {} pour ça.", "C'était {} si je me souviens bien.",
        ),
        "birth_date": (
            "Je suis né le {}.", "Ma date de naissance est le {}.", "Son anniversaire, c'est le {}, donc elle est plus âgée.",
            "La patiente, née le {}, est venue lundi.", "Date de naissance, {}, et j'habite à Lyon.",
            "Il est né le {} à Dakar.",
        ),
        "name": (
            "Je pense que {} devrait s'en charger.", "Merci, c'était {} des finances.", "Est-ce que {} a envoyé le rapport ?",
            "On attend {} alors.", "Comme l'a dit {}, ça va.", "C'est ce que j'ai dit à {} hier.",
        ),
        "custom": (
            "On ne peut pas encore parler de {}.", "Tous ceux de {} ont une prime.", "Bref, {} est en pause.",
            "Et {} la semaine prochaine ?", "J'ai entendu que {} était annulé.", "Le budget de {} est parti.",
        ),
    },
    "de": {
        "card": (
            "Meine Kartennummer ist {}.", "Bitte belasten Sie {}.", "Die Kreditkarte ist {} und läuft im Mai ab.",
            "Ich lese sie vor: {}.", "Also {}, haben Sie das?", "Nimm {} für das Hotel.",
        ),
        "iban": (
            "Die IBAN ist {}.", "Überweisen Sie bitte auf {} bis Freitag.", "Unser Konto ist {}, wie letztes Jahr.",
            "Schick den Rest auf {}, danke.", "Ich glaube, deren IBAN war {}, aber ich schaue nach.", "Zahl auf {} und nicht auf das alte.",
        ),
        "email": (
            "Sie können jederzeit an {} schreiben.", "Schick die Folien an {}.", "Meine Adresse ist {}, alles klein.",
            "Schreib mir einfach, {} geht am schnellsten.", "Leite die Rechnung heute an {} weiter.", "Sie lautet {}, ich buchstabiere gleich.",
        ),
        "phone": (
            "Ruf mich nach dem Essen unter {} an.", "Meine Handynummer ist {}.",
            "Die Nummer der Praxis ist {}, frag nach Dana.", "Schreib eine SMS an {}, wenn du dich verspätest.",
            "Ihr Telefon hat sich geändert, es ist jetzt {}.", "Wählen Sie {} und warten Sie.",
        ),
        "ip": (
            "Der Server steht unter {}.", "Ich kann {} von hier nicht anpingen.", "Sperr {} in der Firewall.",
            "Das neue Gateway hat die Adresse {}.", "Jemand hat sich gestern von {} angemeldet.", "Versuch lieber {}.",
        ),
        "national_id": (
            "Meine Steuer-ID ist {}.", "Für die Lohnabrechnung, die Steueridentifikationsnummer ist {}.",
            "Im Formular steht {}.", "Ihre Steuer-ID, Moment, {}.", "Identifikationsnummer {}, das bin ich.",
            "Das Finanzamt wollte die Nummer, ich habe {} gesagt.",
        ),
        "secret_url": (
            "Öffne {}, um es zu sehen.", "Ich habe {} in den Chat kopiert.", "Der Link ist {}, aber teil ihn nicht.",
            "Geh jetzt auf {}.", "Dafür brauchst du {}.", "Es war {}, wenn ich mich recht erinnere.",
        ),
        "birth_date": (
            "Ich bin am {} geboren.", "Mein Geburtsdatum ist der {}.", "Ihr Geburtstag ist am {}, sie ist also älter.",
            "Die Patientin, geboren am {}, kam am Montag.", "Geburtsdatum {}, und ich wohne in Kiel.",
            "Er wurde am {} in Graz geboren.",
        ),
        "name": (
            "Ich denke, {} sollte das machen.", "Danke, das war {} aus der Buchhaltung.", "Hat {} den Bericht geschickt?",
            "Dann warten wir auf {}.", "Wie {} sagte, es passt.", "Das habe ich {} gestern erzählt.",
        ),
        "custom": (
            "Über {} können wir noch nicht reden.", "Alle bei {} bekommen eine Prämie.", "Also, {} ruht gerade.",
            "Und was ist nächste Woche mit {}?", "Ich habe gehört, {} ist abgesagt.", "Das Budget von {} ist weg.",
        ),
    },
    "pt": {
        "card": (
            "O número do meu cartão é {}.", "Pode cobrar em {}, por favor.", "O cartão é {} e vence em maio.",
            "Vou ler para você: {}.", "Então é {}, anotou?", "Usa {} para o hotel.",
        ),
        "iban": (
            "O IBAN é {}.", "Faça a transferência para {} até sexta.", "A nossa conta é {}, igual ao ano passado.",
            "Manda o resto para {}, obrigado.", "Acho que o IBAN deles era {} mas vou ver.", "Paga em {} e não na antiga.",
        ),
        "email": (
            "Pode escrever para {} quando quiser.", "Manda os slides para {}.", "O meu e-mail é {}, tudo minúsculo.",
            "Escreve-me, {} é o mais rápido.", "Encaminha a fatura para {} hoje.", "É {}, depois eu soletro.",
        ),
        "phone": (
            "Liga-me para o {} depois do almoço.", "O meu telemóvel é o {}.", "O número da clínica é {}, pergunta pela Dana.",
            "Manda mensagem para o {} se te atrasares.", "O telefone dela mudou, agora é {}.", "Disque {} e espere.",
        ),
        "ip": (
            "O servidor está em {}.", "Não consigo fazer ping a {} daqui.", "Bloqueia {} na firewall.",
            "O novo gateway tem o endereço {}.", "Alguém entrou a partir de {} ontem à noite.", "Tenta antes {}.",
        ),
        "national_id": (
            "O meu número de contribuinte é {}.", "O CPF que está no contrato é {}.", "Para a fatura, o NIF é {}.",
            "O CPF dela, deixa ver, {}.", "Contribuinte {}, sou eu.", "Pediram o documento e eu disse {}.",
        ),
        "secret_url": (
            "Abre {} para ver.", "Colei {} no chat.", "O link é {} mas não partilhes.",
            "Entra em {} agora.", "Vais precisar de {} para isso.", "Era {} se bem me lembro.",
        ),
        "birth_date": (
            "Eu nasci em {}.", "A minha data de nascimento é {}.", "O aniversário dela é {}, por isso é mais velha.",
            "A paciente, nascida em {}, veio na segunda.", "Data de nascimento, {}, e moro em Recife.",
            "Ele nasceu a {} em Luanda.",
        ),
        "name": (
            "Acho que {} devia tratar disso.", "Obrigado, era {} das finanças.", "Será que {} mandou o relatório?",
            "Esperamos por {} então.", "Como disse {}, está bem.", "Foi o que contei a {} ontem.",
        ),
        "custom": (
            "Ainda não podemos falar de {}.", "Todos em {} têm um prémio.", "Enfim, {} está parado.",
            "E {} na próxima semana?", "Ouvi dizer que {} foi cancelado.", "O orçamento de {} acabou.",
        ),
    },
}  # fmt: skip

NEGATIVES = {
    "en": (
        "We shipped version 2.14.3 on Tuesday.", "Release 10.4.0.1 fixes the crash.", "It cost 1,250,000 dollars in 2023.",
        "The score was 3 to 2 after extra time.", "They won 101 to 98 last night.", "Revenue grew from 412 million to 530 million.",
        "In nineteen eighty four he wrote a book.", "The code word is four apples and a zebra.", "Meet me at ten thirty on May 3rd, 2026.",
        "Order 4155550132 is ready for pickup.", "Invoice number 20240517 is still open.", "The deadline is 12/05/2026.",
        "We have twenty three people and forty two chairs.", "One two three four five six seven eight nine ten, testing.",
        "Look at example dot org for the docs.", "It's on https://example.org/docs/2024/release-notes-for-the-summer.",
        "He ran 42.195 kilometres in 2 hours 35 minutes 10 seconds.", "Chapter 3.4.1.2 explains it.",
        "At point five the curve turns.", "The flight is BA 2490 at gate 14.", "I will mark it and bill them in May.",
        "The meeting of 3 May 1985 changed the law.", "Room 4011, floor 12, building 7.", "Double the dose after seven days.",
        "Serial number 55120098 4471 is on the back.", "Between 1939, 1945, 1989 and 2001 a lot changed.",
        "Seven hundred and fifty thousand users at 99.95 percent.", "I was born to do this, honestly.",
        "My phone died at 5 percent.", "The card games start at eight.", "Zoom out to 110 percent, then 125, then 150.",
        "Our zip code is 94110.", "Temperature went from 20.5 to 21.75 degrees.", "The ratio is 16 to 9, not 4 to 3.",
        "The model has 70 billion parameters and 128,000 tokens.", "Tickets cost 45 euros, 60 euros or 85 euros.",
    ),
    "es": (
        "Publicamos la versión 2.14.3 el martes.", "La versión 10.4.0.1 arregla el fallo.", "Costó 1.250.000 euros en 2023.",
        "Quedaron tres a dos en la prórroga.", "Ganaron 101 a 98 anoche.", "Los ingresos pasaron de 412 a 530 millones.",
        "En mil novecientos ochenta y cuatro escribió un libro.", "La palabra clave es cuatro manzanas y una cebra.",
        "Nos vemos a las diez y media el 3 de mayo de 2026.", "El pedido 612345678 está listo.", "La factura 20240517 sigue abierta.",
        "El plazo es el 12/05/2026.", "Somos veintitrés personas y cuarenta y dos sillas.",
        "Uno dos tres cuatro cinco seis siete ocho nueve diez, probando.", "Mira en example punto org la documentación.",
        "Está en https://example.org/docs/2024/notas-de-la-version-de-verano.", "Corrió 42,195 kilómetros en 2 horas y 35 minutos.",
        "El apartado 3.4.1.2 lo explica.", "En ese punto la curva gira.", "El vuelo IB 2490 sale por la puerta 14.",
        "Más de treinta y cuatro empresas vinieron.", "La reunión del 3 de mayo de 1985 cambió la ley.",
        "Sala 4011, planta 12, edificio 7.", "Dobla la dosis a los siete días.", "El número de serie 55120098 4471 está detrás.",
        "Entre 1939, 1945, 1989 y 2001 cambió mucho.", "Setecientos cincuenta mil usuarios al 99,95 por ciento.",
        "He nacido para esto, de verdad.", "Mi teléfono se quedó al 5 por ciento.", "Los juegos de cartas empiezan a las ocho.",
        "Sube al 110 por ciento, luego al 125 y al 150.", "El código postal es 28013.",
        "La temperatura pasó de 20,5 a 21,75 grados.", "La proporción es 16 a 9, no 4 a 3.",
        "El modelo tiene 70.000 millones de parámetros.", "Las entradas cuestan 45 euros, 60 euros u 85 euros.",
    ),
    "fr": (
        "On a livré la version 2.14.3 mardi.", "La version 10.4.0.1 corrige la panne.", "Ça a coûté 1 250 000 euros en 2023.",
        "Ils ont gagné trois à deux après prolongation.", "Score final, 101 à 98 hier soir.", "Le chiffre est passé de 412 à 530 millions.",
        "En mille neuf cent quatre-vingt-quatre il a écrit un livre.", "Le mot de code est quatre pommes et un zèbre.",
        "On se voit à dix heures trente le 3 mai 2026.", "La commande 0639980012 est prête.", "La facture 20240517 est encore ouverte.",
        "La date limite est le 12/05/2026.", "Nous avons vingt-trois personnes et quarante-deux chaises.",
        "Un deux trois quatre cinq six sept huit neuf dix, test.", "Regarde sur example point org pour la doc.",
        "C'est sur https://example.org/docs/2024/notes-de-version-de-cet-ete.", "Il a couru 42,195 kilomètres en 2 heures 35.",
        "Le chapitre 3.4.1.2 l'explique.", "Au point où nous en sommes, plus rien ne change.", "Le vol AF 2490 part porte 14.",
        "Plus trente-quatre pour cent cette année.", "La réunion du 3 mai 1985 a changé la loi.",
        "Salle 4011, étage 12, bâtiment 7.", "Doublez la dose après sept jours.", "Le numéro de série 55120098 4471 est au dos.",
        "Entre 1939, 1945, 1989 et 2001 tout a changé.", "Sept cent cinquante mille utilisateurs à 99,95 pour cent.",
        "Je suis né pour ça, franchement.", "Mon téléphone est à 5 pour cent.", "Les jeux de cartes commencent à huit heures.",
        "Passe à 110 pour cent, puis 125, puis 150.", "Le code postal est 75011.", "La température est passée de 20,5 à 21,75 degrés.",
        "Le rapport est de 16 à 9, pas 4 à 3.", "Le modèle a 70 milliards de paramètres.", "Les places coûtent 45 euros, 60 euros ou 85 euros.",
    ),
    "de": (
        "Wir haben Version 2.14.3 am Dienstag ausgeliefert.", "Version 10.4.0.1 behebt den Absturz.", "Es kostete 1.250.000 Euro im Jahr 2023.",
        "Am Ende stand es drei zu zwei.", "Sie gewannen gestern 101 zu 98.", "Der Umsatz stieg von 412 auf 530 Millionen.",
        "Neunzehnhundertvierundachtzig schrieb er ein Buch.", "Das Codewort ist vier Äpfel und ein Zebra.",
        "Wir treffen uns um halb elf am 3. Mai 2026.", "Die Bestellung 01713920012 liegt bereit.", "Die Rechnung 20240517 ist noch offen.",
        "Die Frist ist der 12.05.2026.", "Wir sind dreiundzwanzig Leute und zweiundvierzig Stühle.",
        "Eins zwei drei vier fünf sechs sieben acht neun zehn, Test.", "Schau auf example Punkt org in die Doku.",
        "Es steht auf https://example.org/docs/2024/hinweise-zur-sommerversion.", "Er lief 42,195 Kilometer in 2 Stunden 35 Minuten.",
        "Kapitel 3.4.1.2 erklärt es.", "An diesem Punkt kippt die Kurve.", "Der Flug LH 2490 geht von Gate 14.",
        "Plus vierunddreißig Prozent in diesem Jahr.", "Die Sitzung vom 3. Mai 1985 änderte das Gesetz.",
        "Raum 4011, Etage 12, Gebäude 7.", "Verdoppeln Sie die Dosis nach sieben Tagen.", "Die Seriennummer 55120098 4471 steht hinten.",
        "Zwischen 1939, 1945, 1989 und 2001 hat sich viel geändert.", "Siebenhundertfünfzigtausend Nutzer bei 99,95 Prozent.",
        "Dafür bin ich geboren, ehrlich.", "Mein Telefon ist bei 5 Prozent.", "Die Kartenspiele beginnen um acht.",
        "Geh auf 110 Prozent, dann 125, dann 150.", "Die Postleitzahl ist 10115.", "Die Temperatur stieg von 20,5 auf 21,75 Grad.",
        "Das Verhältnis ist 16 zu 9, nicht 4 zu 3.", "Das Modell hat 70 Milliarden Parameter.", "Karten kosten 45 Euro, 60 Euro oder 85 Euro.",
    ),
    "pt": (
        "Lançámos a versão 2.14.3 na terça.", "A versão 10.4.0.1 corrige a falha.", "Custou 1.250.000 euros em 2023.",
        "Ficou três a dois no prolongamento.", "Ganharam 101 a 98 ontem.", "A receita passou de 412 para 530 milhões.",
        "Em mil novecentos e oitenta e quatro ele escreveu um livro.", "A palavra de código é quatro maçãs e uma zebra.",
        "Vemo-nos às dez e meia no dia 3 de maio de 2026.", "A encomenda 912345678 está pronta.", "A fatura 20240517 continua aberta.",
        "O prazo é 12/05/2026.", "Somos vinte e três pessoas e quarenta e duas cadeiras.",
        "Um dois três quatro cinco seis sete oito nove dez, testando.", "Veja em example ponto org a documentação.",
        "Está em https://example.org/docs/2024/notas-da-versao-de-verao.", "Correu 42,195 quilómetros em 2 horas e 35 minutos.",
        "A secção 3.4.1.2 explica.", "Nesse ponto a curva vira.", "O voo TP 2490 sai da porta 14.",
        "Mais trinta e quatro por cento este ano.", "A reunião de 3 de maio de 1985 mudou a lei.",
        "Sala 4011, andar 12, edifício 7.", "Dobre a dose depois de sete dias.", "O número de série 55120098 4471 está atrás.",
        "Entre 1939, 1945, 1989 e 2001 muita coisa mudou.", "Setecentos e cinquenta mil usuários a 99,95 por cento.",
        "Eu nasci para isto, a sério.", "O meu telefone está a 5 por cento.", "Os jogos de cartas começam às oito.",
        "Sobe para 110 por cento, depois 125, depois 150.", "O código postal é 1000-205.", "A temperatura passou de 20,5 para 21,75 graus.",
        "A proporção é 16 para 9, não 4 para 3.", "O modelo tem 70 mil milhões de parâmetros.",
        "Os bilhetes custam 45 euros, 60 euros ou 85 euros.",
    ),
}  # fmt: skip
